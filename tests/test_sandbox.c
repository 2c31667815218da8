/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/sandbox.h"
#include "tests/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 6379

/* Two directories, of which the sandbox is told one. */
struct desk {
	struct scratch scratch;
	char inside[300];
	char outside[300];
};

/* What a process in the sandbox tries: 0 or the errno of the attempt. */
typedef int attempt_fn(const struct desk *desk);

static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int try_to_make(const char *directory, const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return result(fd);
}

static int make_inside(const struct desk *desk)
{
	return try_to_make(desk->inside, "new");
}

static int make_outside(const struct desk *desk)
{
	return try_to_make(desk->outside, "new");
}

static int write_outside(const struct desk *desk)
{
	return try_to_make(desk->outside, "old");
}

static int read_outside(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/old", desk->outside);
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

static int follow_out(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/link", desk->inside);
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

static int remove_outside(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/old", desk->outside);
	return result(unlink(path));
}

static int move_inside(const struct desk *desk)
{
	char from[400];
	char to[400];

	snprintf(from, sizeof(from), "%s/old", desk->inside);
	snprintf(to, sizeof(to), "%s/deeper/old", desk->inside);
	return result(rename(from, to));
}

static int move_out(const struct desk *desk)
{
	char from[400];
	char to[400];

	snprintf(from, sizeof(from), "%s/old", desk->inside);
	snprintf(to, sizeof(to), "%s/stolen", desk->outside);
	return result(rename(from, to));
}

static int run_inside(const struct desk *desk)
{
	char path[400];
	char *const arguments[] = { path, NULL };

	snprintf(path, sizeof(path), "%s/program", desk->inside);
	return result(execv(path, arguments));
}

static int mount_something(const struct desk *desk)
{
	return result(mount("none", desk->inside, "tmpfs", 0, NULL));
}

static int become_another(const struct desk *desk)
{
	(void)desk;
	return result(syscall(SYS_setuid, 0));
}

static int load_a_program(const struct desk *desk)
{
	(void)desk;
	return result(syscall(SYS_bpf, -1, NULL, 0));
}

static int make_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return result(fd);
}

static int make_unix_socket(const struct desk *desk)
{
	(void)desk;
	return make_socket(AF_UNIX);
}

static int make_crypto_socket(const struct desk *desk)
{
	(void)desk;
	return make_socket(AF_ALG);
}

static int connect_to(int port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return errno;
	rc = result(
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	close(fd);
	return rc == ECONNREFUSED ? 0 : rc;
}

static int connect_to_server(const struct desk *desk)
{
	(void)desk;
	return connect_to(PORT);
}

static int connect_elsewhere(const struct desk *desk)
{
	(void)desk;
	return connect_to(PORT + 1);
}

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	assert_non_null(desk);
	scratch_init(&desk->scratch);
	snprintf(desk->inside, sizeof(desk->inside), "%s/inside",
	         desk->scratch.path);
	snprintf(desk->outside, sizeof(desk->outside), "%s/outside",
	         desk->scratch.path);
	scratch_python(&desk->scratch,
	               "import os\n"
	               "os.makedirs('inside/deeper')\n"
	               "os.mkdir('outside')\n"
	               "open('outside/old', 'w').write('x')\n"
	               "open('inside/old', 'w').write('x')\n"
	               "open('inside/program', 'w').write('#!/bin/sh\\n')\n"
	               "os.chmod('inside/program', 0o755)\n"
	               "os.symlink('../outside/old', 'inside/link')\n");
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	scratch_release(&desk->scratch);
	free(desk);
	return 0;
}

/* The errno of ATTEMPT in a process of its own; -1: it could not enter. */
static int attempt_in(enum sandbox_kind kind, const struct desk *desk,
                      attempt_fn *attempt, struct sandbox *sandbox)
{
	const struct sandbox_path paths[] = {
		{ desk->inside, SANDBOX_CHANGE },
		{ "/usr", SANDBOX_RUN },
		{ "/no/such/directory", SANDBOX_READ },
	};
	const struct sandbox_rules rules = {
		.kind = kind, .paths = paths, .path_count = 3, .port = PORT
	};
	int ends[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sandbox mine = { 0 };
		int rc = sandbox_enter(&rules, &mine);

		if (write(ends[1], &mine, sizeof(mine)) < 0)
			_exit(255);
		_exit(rc ? 255 : attempt(desk));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], sandbox, sizeof(*sandbox)),
	                 sizeof(*sandbox));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

struct row {
	attempt_fn *attempt;
	int error;
	int landlock; /* the version that it takes; 0: seccomp */
};

static void check_rows(enum sandbox_kind kind, const struct desk *desk,
                       const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sandbox sandbox;
		int found = attempt_in(kind, desk, rows[i].attempt, &sandbox);

		if (rows[i].landlock ? sandbox.landlock < rows[i].landlock
		                     : !sandbox.seccomp)
			continue; /* this kernel cannot */
		if (found != rows[i].error)
			fail_msg("row %zu: %s", i, strerror(found));
	}
}

#define CHECK_ROWS(kind, desk, rows)                                           \
	check_rows((kind), (desk), (rows), sizeof(rows) / sizeof((rows)[0]))

static void what_is_listed_can_be_used_and_the_rest_not(void **state)
{
	static const struct row rows[] = {
		{ make_inside, 0, 2 },
		{ make_outside, EACCES, 2 },
		{ write_outside, EACCES, 2 },
		{ read_outside, EACCES, 2 },
		{ follow_out, EACCES, 2 },
		{ remove_outside, EACCES, 2 },
		{ move_out, EACCES, 2 },
		{ move_inside, 0, 2 },
		{ run_inside, EACCES, 2 },
		{ connect_to_server, 0, 4 },
		{ connect_elsewhere, EACCES, 4 },
	};

	CHECK_ROWS(SANDBOX_DAEMON, *state, rows);
}

static void calls_that_nobody_needs_are_denied(void **state)
{
	static const struct row rows[] = {
		{ mount_something, EPERM, 0 },
		{ become_another, EPERM, 0 },
		{ load_a_program, EPERM, 0 },
		{ make_unix_socket, 0, 0 },
		{ make_crypto_socket, EAFNOSUPPORT, 0 },
	};

	CHECK_ROWS(SANDBOX_DAEMON, *state, rows);
}

static void a_worker_runs_nothing_and_talks_to_nobody(void **state)
{
	static const struct row rows[] = {
		{ run_inside, EPERM, 0 },
		{ make_unix_socket, EPERM, 0 },
		{ connect_to_server, EPERM, 0 },
		{ make_inside, 0, 2 },
	};

	CHECK_ROWS(SANDBOX_WORKER, *state, rows);
}

static int look_at_core_dumps(const struct desk *desk)
{
	struct sandbox sandbox = { 0 };
	struct rlimit limit = { 1, 1 };

	(void)desk;
	sandbox_forbid_core_dumps(&sandbox);
	getrlimit(RLIMIT_CORE, &limit);
	return sandbox.no_core_dumps && limit.rlim_max == 0 &&
	               prctl(PR_GET_DUMPABLE) == 0
	           ? 0
	           : 1;
}

static int look_at_privileges(const struct desk *desk)
{
	(void)desk;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static void what_is_given_up_is_gone(void **state)
{
	struct sandbox sandbox;

	assert_int_equal(
	    attempt_in(SANDBOX_DAEMON, *state, look_at_privileges, &sandbox),
	    0);
	assert_true(sandbox.no_new_privileges);
	assert_int_equal(
	    attempt_in(SANDBOX_DAEMON, *state, look_at_core_dumps, &sandbox),
	    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_listed_can_be_used_and_the_rest_not, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    calls_that_nobody_needs_are_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_worker_runs_nothing_and_talks_to_nobody, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(what_is_given_up_is_gone,
		                                set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
