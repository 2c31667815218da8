/* SPDX-License-Identifier: MIT */
/* Programs that are no workers, in the place of one: whatever they do, who
 * waits for them goes on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/worker_process.h"
#include "tests/scratch.h"

/* A hang. */
#define PATIENCE_S 120
#define MOST_CHANNELS 100000

struct desk {
	struct scratch scratch;
	struct worker_process *process;
};

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	assert_non_null(desk);
	scratch_init(&desk->scratch);
	alarm(PATIENCE_S);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	if (desk->process)
		worker_process_kill(desk->process, "the test is over");
	worker_process_free(desk->process);
	alarm(0);
	scratch_release(&desk->scratch);
	free(desk);
	return 0;
}

/* A shell script, whose $2 is the directory. */
static void start(struct desk *desk, const char *script)
{
	char path[300];
	int fd;
	int program;

	scratch_write(&desk->scratch, "program", script, strlen(script));
	snprintf(path, sizeof(path), "%s/program", desk->scratch.path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fchmod(fd, 0700) == 0);
	program = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_FILES);
	close(fd);
	assert_int_equal(worker_process_start(program, "test",
	                                      desk->scratch.path,
	                                      &desk->process),
	                 0);
	close(program);
}

/* The number in the file that the script writes at once. */
static pid_t read_pid(struct desk *desk, const char *name)
{
	struct blob text = { 0 };
	pid_t pid;

	while (!scratch_read(&desk->scratch, name, &text) ||
	       !memchr(text.data, '\n', text.size)) {
		blob_release(&text);
		usleep(1000);
	}
	pid = (pid_t)strtol(text.data, NULL, 10);
	blob_release(&text);
	return pid;
}

static void one_that_leaves_another_is_over_when_it_is_killed(void **state)
{
	struct desk *desk = *state;
	pid_t other;

	start(desk, "#!/bin/sh\n"
	            "sleep 1000 &\n"
	            "echo $! > \"$2/other\"\n"
	            "exec sleep 1000\n");
	other = read_pid(desk, "other");
	worker_process_kill(desk->process, "it is to end");
	assert_int_equal(kill(other, SIGKILL), 0); /* it was there */
	assert_true(worker_process_has_ended(desk->process));
}

static void one_that_takes_no_channels_is_not_waited_for(void **state)
{
	struct desk *desk = *state;
	struct worker_channel channel;
	int rc = 0;

	start(desk, "#!/bin/sh\nexec sleep 1000\n");
	for (int i = 0; rc == 0 && i < MOST_CHANNELS; i++) {
		rc = worker_process_connect(desk->process, &channel);
		if (rc == 0)
			worker_channel_close(&channel);
	}
	assert_int_equal(rc, -ETIMEDOUT);
}

static void one_that_has_ended_takes_no_channels(void **state)
{
	struct desk *desk = *state;
	struct worker_channel channel;

	start(desk, "#!/bin/sh\nexit 0\n");
	while (!worker_process_has_ended(desk->process))
		usleep(1000);
	assert_int_equal(worker_process_connect(desk->process, &channel),
	                 -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_that_leaves_another_is_over_when_it_is_killed, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_takes_no_channels_is_not_waited_for, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_has_ended_takes_no_channels, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
