/* SPDX-License-Identifier: MIT */
/*
 * base64.h - bytes as text, RFC 4648 with padding
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_BASE64_H
#define ENGRAMFS_BACKENDS_BASE64_H

#include "backends/blob.h"

int base64_encode(const void *bytes, size_t size, struct blob *out);

/* -EINVAL: not what base64_encode writes.  OUT may have grown. */
int base64_decode(const char *text, size_t size, struct blob *out);

#endif
