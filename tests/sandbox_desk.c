/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sandbox_desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int desk_result(long rc)
{
	return rc < 0 ? errno : 0;
}

int desk_set_up(void **state)
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

int desk_tear_down(void **state)
{
	struct desk *desk = *state;

	scratch_release(&desk->scratch);
	free(desk);
	return 0;
}

int desk_attempt(enum sandbox_kind kind, const struct desk *desk,
                 attempt_fn *attempt, struct sandbox *sandbox)
{
	const struct sandbox_path paths[] = {
		{ desk->inside, SANDBOX_CHANGE },
		{ "/usr", SANDBOX_RUN },
		{ "/no/such/directory", SANDBOX_READ },
	};
	const struct sandbox_rules rules = {
		.kind = kind, .paths = paths, .path_count = 3, .port = DESK_PORT
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

void check_rows(enum sandbox_kind kind, const struct desk *desk,
                const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sandbox sandbox;
		int found = desk_attempt(kind, desk, rows[i].attempt, &sandbox);

		if (rows[i].landlock ? sandbox.landlock < rows[i].landlock
		                     : !sandbox.seccomp)
			continue; /* this kernel cannot */
		if (found != rows[i].error)
			fail_msg("row %zu: %s", i, strerror(found));
	}
}
