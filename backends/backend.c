/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"

#include <string.h>

extern const struct backend mem_backend;
extern const struct backend redis_backend;
extern const struct backend sqlite_backend;
extern const struct backend hdf5_backend;

const struct backend *const backends[] = {
	&redis_backend, &sqlite_backend, &hdf5_backend, &mem_backend, NULL,
};

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}
