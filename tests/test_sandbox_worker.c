/* SPDX-License-Identifier: MIT */
/* What a worker cannot do beside all that the daemon cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sandbox_desk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int run_a_program(const struct desk *desk)
{
	char *const arguments[] = { (char[]){ "true" }, NULL };

	(void)desk;
	return desk_result(execv("/usr/bin/true", arguments));
}

static int make_a_socket(const struct desk *desk)
{
	(void)desk;
	return desk_result(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int make_a_file(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/new", desk->inside);
	return desk_result(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

/* With a sanitizer a worker may: it does so by itself. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define STARTS_NOTHING 1

static int start_a_process(const struct desk *desk)
{
	pid_t pid = fork();

	(void)desk;
	if (pid == 0)
		_exit(0);
	return desk_result(pid);
}
#endif

static void *do_nothing(void *arg)
{
	return arg;
}

static int start_a_thread(const struct desk *desk)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, do_nothing, NULL);

	(void)desk;
	return rc ? rc : pthread_join(thread, NULL);
}

static int signal_another(const struct desk *desk)
{
	(void)desk;
	return desk_result(kill(getppid(), 0));
}

static int signal_its_thread(const struct desk *desk)
{
	(void)desk;
	return desk_result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int signal_itself(const struct desk *desk)
{
	(void)desk;
	signal(SIGUSR1, SIG_IGN);
	return desk_result(raise(SIGUSR1));
}

/* By a descriptor that is ready. */
static int have_another_signalled(const struct desk *desk)
{
	(void)desk;
	return desk_result(fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}

static void a_worker_runs_nothing_and_talks_to_nobody(void **state)
{
	static const struct row rows[] = {
		{ run_a_program, EPERM, 0 },   { make_a_socket, EPERM, 0 },
		{ make_a_file, 0, 2 },
#ifdef STARTS_NOTHING
		{ start_a_process, EPERM, 0 },
#endif
		{ start_a_thread, 0, 0 },
	};

	CHECK_ROWS(SANDBOX_WORKER, *state, rows);
}

static void a_worker_signals_nobody_but_itself(void **state)
{
	static const struct row rows[] = {
		{ signal_another, EPERM, 0 },
		{ signal_its_thread, EPERM, 0 },
		{ have_another_signalled, EPERM, 0 },
		{ signal_itself, 0, 0 },
	};

	CHECK_ROWS(SANDBOX_WORKER, *state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_worker_runs_nothing_and_talks_to_nobody, desk_set_up,
		    desk_tear_down),
		cmocka_unit_test_setup_teardown(
		    a_worker_signals_nobody_but_itself, desk_set_up,
		    desk_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
