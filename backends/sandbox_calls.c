/* SPDX-License-Identifier: MIT */
/*
 * A filter of system calls, as the kernel's classic BPF: three lines of
 * program, two for each call that is denied, more where its arguments count,
 * and one that allows the rest.
 * Source: the kernel's Documentation/userspace-api/seccomp_filter.rst.
 */
#include "backends/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN 0x40000000U /* calls of x32 */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#ifdef ARCHITECTURE

static const int denied_to_all[] = {
#ifndef HAS_SANITIZER /* the leak sanitizer stops threads by it */
	SYS_ptrace,
#endif
	/* other processes */
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kcmp,
	/* other users */
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setfsuid,
	SYS_setfsgid,
	SYS_setgroups,
	SYS_capset,
	/* other trees of files, and other name spaces */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_unshare,
	SYS_setns,
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_open_by_handle_at,
	SYS_quotactl,
	/* the machine */
	SYS_reboot,
	SYS_kexec_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_syslog,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_vhangup,
	/* parts of the kernel that have had more holes than others */
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_fanotify_init,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
#endif
};

static const int denied_to_workers[] = {
	/* programs and servers */
	SYS_execve,
	SYS_execveat,
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_accept4,
#ifdef SYS_accept
	SYS_accept,
#endif
	/* other processes */
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
#ifdef SYS_pidfd_send_signal
	SYS_pidfd_send_signal,
#endif
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
#endif
};

/* CALL is denied where TEST, of argument INDEX and VALUE, is DENIED. */
struct rule {
	int call;
	int index;
	unsigned short test;
	uint32_t value;
	bool denied;
};

static const struct rule worker_rules[] = {
#ifndef HAS_SANITIZER /* the leak sanitizer starts a process of its own */
	{ SYS_clone, 0, BPF_JSET, CLONE_THREAD, false },
#endif
	/* signals for others when a descriptor is ready */
	{ SYS_fcntl, 1, BPF_JEQ, F_SETOWN, true },
	{ SYS_fcntl, 1, BPF_JEQ, F_SETOWN_EX, true },
	{ SYS_fcntl, 1, BPF_JEQ, F_SETSIG, true },
	{ SYS_ioctl, 1, BPF_JEQ, FIOSETOWN, true },
	{ SYS_ioctl, 1, BPF_JEQ, SIOCSPGRP, true },
};

/* Kinds of sockets that the daemon makes: Redis, the system's log, and what
 * the C library asks when it looks a name up. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define LENGTH_MAX                                                             \
	(32 + 2 * (COUNT(denied_to_all) + COUNT(denied_to_workers)) +          \
	 5 * COUNT(worker_rules) + 2 * COUNT(families))

struct program {
	struct sock_filter lines[LENGTH_MAX];
	unsigned short count;
};

static void add(struct program *program, unsigned int code, size_t value,
                unsigned char if_true, unsigned char if_false)
{
	program->lines[program->count++] =
	    (struct sock_filter){ (unsigned short)code, if_true, if_false,
		                  (uint32_t)value };
}

static void add_load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void add_answer(struct program *program, uint32_t answer)
{
	add(program, BPF_RET | BPF_K, answer, 0, 0);
}

static void deny(struct program *program, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(program, BPF_JMP | BPF_JEQ | BPF_K, (size_t)calls[i], 0, 1);
		add_answer(program, SECCOMP_RET_ERRNO | EPERM);
	}
}

/* The low half of an argument comes first on all machines above. */
static void add_load_argument(struct program *program, int index)
{
	add_load(program, offsetof(struct seccomp_data, args) +
	                      (size_t)index * sizeof(uint64_t));
}

static void add_load_call(struct program *program)
{
	add_load(program, offsetof(struct seccomp_data, nr));
}

static void check_argument(struct program *program, const struct rule *rule)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, (size_t)rule->call, 0, 4);
	add_load_argument(program, rule->index);
	add(program, BPF_JMP | BPF_K | rule->test, rule->value, !rule->denied,
	    rule->denied);
	add_answer(program, SECCOMP_RET_ERRNO | EPERM);
	add_load_call(program);
}

/* What starts no process and sends no signal but to itself.  The C library goes
 * on without clone3, whose flags cannot be seen. */
static void check_worker(struct program *program)
{
	const struct rule itself = { SYS_tgkill, 0, BPF_JEQ, (uint32_t)getpid(),
		                     false };

	deny(program, denied_to_workers, COUNT(denied_to_workers));
	for (size_t i = 0; i < COUNT(worker_rules); i++)
		check_argument(program, &worker_rules[i]);
	check_argument(program, &itself);
#ifndef HAS_SANITIZER
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	add_answer(program, SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

/* The calls of another architecture have other numbers. */
static void check_architecture(struct program *program)
{
	add_load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	add_answer(program, SECCOMP_RET_ERRNO | EPERM);
	add_load_call(program);
#ifdef FOREIGN
	add(program, BPF_JMP | BPF_JGE | BPF_K, FOREIGN, 0, 1);
	add_answer(program, SECCOMP_RET_ERRNO | EPERM);
#endif
}

/* The last: it changes what is loaded. */
static void check_sockets(struct program *program)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0);
	add_answer(program, SECCOMP_RET_ALLOW);
	add_load_argument(program, 0);
	for (size_t i = 0; i < COUNT(families); i++) {
		add(program, BPF_JMP | BPF_JEQ | BPF_K, (size_t)families[i], 0,
		    1);
		add_answer(program, SECCOMP_RET_ALLOW);
	}
	add_answer(program, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
}

int sandbox_limit_calls(enum sandbox_kind kind)
{
	struct program program = { .count = 0 };
	struct sock_fprog filter = { .filter = program.lines };

	check_architecture(&program);
	deny(&program, denied_to_all, COUNT(denied_to_all));
	if (kind == SANDBOX_WORKER)
		check_worker(&program);
	check_sockets(&program);
	filter.len = program.count;
	/* Without the flag older kernels slow every call down. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	            SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) == 0)
		return 0;
	return errno == EINVAL ? -ENOSYS : -errno;
}

#else

int sandbox_limit_calls(enum sandbox_kind kind)
{
	(void)kind;
	return -ENOSYS;
}

#endif
