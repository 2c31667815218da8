/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"
