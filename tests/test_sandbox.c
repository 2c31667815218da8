/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/sandbox.h"
#include "tests/sandbox_desk.h"

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
#include <sys/syscall.h>
#include <unistd.h>

static int try_to_make(const char *directory, const char *name)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return desk_result(fd);
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
	return desk_result(open(path, O_RDONLY | O_CLOEXEC));
}

static int follow_out(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/link", desk->inside);
	return desk_result(open(path, O_RDONLY | O_CLOEXEC));
}

static int remove_outside(const struct desk *desk)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/old", desk->outside);
	return desk_result(unlink(path));
}

static int move_inside(const struct desk *desk)
{
	char from[400];
	char to[400];

	snprintf(from, sizeof(from), "%s/old", desk->inside);
	snprintf(to, sizeof(to), "%s/deeper/old", desk->inside);
	return desk_result(rename(from, to));
}

static int move_out(const struct desk *desk)
{
	char from[400];
	char to[400];

	snprintf(from, sizeof(from), "%s/old", desk->inside);
	snprintf(to, sizeof(to), "%s/stolen", desk->outside);
	return desk_result(rename(from, to));
}

static int run_inside(const struct desk *desk)
{
	char path[400];
	char *const arguments[] = { path, NULL };

	snprintf(path, sizeof(path), "%s/program", desk->inside);
	return desk_result(execv(path, arguments));
}

static int mount_something(const struct desk *desk)
{
	return desk_result(mount("none", desk->inside, "tmpfs", 0, NULL));
}

static int become_another(const struct desk *desk)
{
	(void)desk;
	return desk_result(syscall(SYS_setuid, 0));
}

static int load_a_program(const struct desk *desk)
{
	(void)desk;
	return desk_result(syscall(SYS_bpf, -1, NULL, 0));
}

static int make_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return desk_result(fd);
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
	rc = desk_result(
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	close(fd);
	return rc == ECONNREFUSED ? 0 : rc;
}

static int connect_to_server(const struct desk *desk)
{
	(void)desk;
	return connect_to(DESK_PORT);
}

static int connect_elsewhere(const struct desk *desk)
{
	(void)desk;
	return connect_to(DESK_PORT + 1);
}

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
	    desk_attempt(SANDBOX_DAEMON, *state, look_at_privileges, &sandbox),
	    0);
	assert_true(sandbox.no_new_privileges);
	assert_int_equal(
	    desk_attempt(SANDBOX_DAEMON, *state, look_at_core_dumps, &sandbox),
	    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_listed_can_be_used_and_the_rest_not, desk_set_up,
		    desk_tear_down),
		cmocka_unit_test_setup_teardown(
		    calls_that_nobody_needs_are_denied, desk_set_up,
		    desk_tear_down),
		cmocka_unit_test_setup_teardown(what_is_given_up_is_gone,
		                                desk_set_up, desk_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
