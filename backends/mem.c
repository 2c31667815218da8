/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
extern const struct backend mem_backend;

const struct backend mem_backend = { .name = "mem" };
