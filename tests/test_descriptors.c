/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/descriptors.h"

static int set_up(void **state)
{
	int *ends = calloc(2, sizeof(*ends));

	assert_non_null(ends);
	*state = ends;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int tear_down(void **state)
{
	int *ends = *state;

	close(ends[0]);
	close(ends[1]);
	free(ends);
	return 0;
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The lowest number that the next file would get. */
static int next_number(void)
{
	int fd = open_null();

	close(fd);
	return fd;
}

static void they_arrive_in_their_order(void **state)
{
	const int *ends = *state;
	struct descriptors sent = { 2, { open_null(), ends[0] } };
	struct descriptors got;
	struct stat status;
	char text[8] = "";

	assert_int_equal(descriptors_send(ends[0], "abc", 4, &sent, 0), 0);
	assert_int_equal(descriptors_receive(ends[1], text, sizeof(text), &got),
	                 4);
	assert_string_equal(text, "abc");
	assert_int_equal(got.count, 2);
	assert_int_equal(fstat(got.fds[0], &status), 0);
	assert_true(S_ISCHR(status.st_mode));
	assert_int_equal(fstat(got.fds[1], &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(fcntl(got.fds[0], F_GETFD), FD_CLOEXEC);
	descriptors_close(&got);
	assert_int_equal(got.count, 0);
	close(sent.fds[0]);
}

static void a_message_without_any_has_none(void **state)
{
	const int *ends = *state;
	const struct descriptors none = { 0 };
	struct descriptors got;
	char byte;

	assert_int_equal(descriptors_send(ends[0], "", 1, &none, 0), 0);
	assert_int_equal(descriptors_receive(ends[1], &byte, 1, &got), 1);
	assert_int_equal(got.count, 0);
}

static void one_that_is_gone_sends_nothing(void **state)
{
	int *ends = *state;
	const struct descriptors none = { 0 };
	struct descriptors got;
	char byte;

	shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(descriptors_receive(ends[1], &byte, 1, &got), 0);
	assert_int_equal(descriptors_send(ends[1], "", 1, &none, 0), -EPIPE);
}

/* Of three messages that were received as one. */
static void more_than_there_is_room_for_are_closed(void **state)
{
	const int *ends = *state;
	const struct descriptors sent = { 1, { ends[0] } };
	struct descriptors got = { 0 };
	int before = next_number();

	for (int i = 0; i < 3; i++) {
		struct msghdr message = { 0 };
		union descriptors_room room;

		assert_int_equal(descriptors_send(ends[0], "", 1, &sent, 0), 0);
		descriptors_expect(&message, &room);
		assert_true(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC) >= 0);
		descriptors_take(&message, &got);
	}
	assert_int_equal(got.count, DESCRIPTORS_MOST);
	descriptors_close(&got);
	assert_int_equal(next_number(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_arrive_in_their_order,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_without_any_has_none,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_gone_sends_nothing,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    more_than_there_is_room_for_are_closed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
