/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
extern const struct backend redis_backend;

const struct backend redis_backend = { .name = "redis" };
