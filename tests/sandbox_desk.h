/* SPDX-License-Identifier: MIT */
/* sandbox_desk.h - what a process in a sandbox can do */
#ifndef ENGRAMFS_TESTS_SANDBOX_DESK_H
#define ENGRAMFS_TESTS_SANDBOX_DESK_H

#include "backends/sandbox.h"
#include "tests/scratch.h"

#define DESK_PORT 6379 /* TCP may lead there */

/* Two directories, of which the sandbox is told one. */
struct desk {
	struct scratch scratch;
	char inside[300];
	char outside[300];
};

/* For cmocka. */
int desk_set_up(void **state);
int desk_tear_down(void **state);

/* What a process in the sandbox tries: 0 or the errno of the attempt. */
typedef int attempt_fn(const struct desk *desk);

/* Of a call that returned RC. */
int desk_result(long rc);

/* The errno of ATTEMPT in a process of its own; -1: it could not enter. */
int desk_attempt(enum sandbox_kind kind, const struct desk *desk,
                 attempt_fn *attempt, struct sandbox *sandbox);

struct row {
	attempt_fn *attempt;
	int error;
	int landlock; /* the version that it takes; 0: seccomp */
};

void check_rows(enum sandbox_kind kind, const struct desk *desk,
                const struct row *rows, size_t count);

#define CHECK_ROWS(kind, desk, rows)                                           \
	check_rows((kind), (desk), (rows), sizeof(rows) / sizeof((rows)[0]))

#endif
