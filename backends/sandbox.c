/* SPDX-License-Identifier: MIT */
#include "backends/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void sandbox_forbid_core_dumps(struct sandbox *sandbox)
{
	const struct rlimit none = { 0, 0 };

	/* The limit does not stop one that is piped to a program. */
	sandbox->no_core_dumps = setrlimit(RLIMIT_CORE, &none) == 0 &&
	                         prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

int sandbox_enter(const struct sandbox_rules *rules, struct sandbox *sandbox)
{
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	sandbox->no_new_privileges = true;
	rc = sandbox_limit_paths(rules, &sandbox->landlock);
	if (rc && rc != -ENOSYS)
		return rc;
	rc = sandbox_limit_calls(rules->kind);
	sandbox->seccomp = rc == 0;
	return rc == -ENOSYS ? 0 : rc;
}
