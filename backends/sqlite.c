/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
extern const struct backend sqlite_backend;

const struct backend sqlite_backend = { .name = "sqlite" };
