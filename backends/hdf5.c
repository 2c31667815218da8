/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
extern const struct backend hdf5_backend;

const struct backend hdf5_backend = { .name = "hdf5" };
