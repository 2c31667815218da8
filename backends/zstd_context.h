/* SPDX-License-Identifier: MIT */
/*
 * zstd_context.h - what zstd works with, kept from one use to the next
 *
 * Making a context asks the processor what it can do, which a virtual machine
 * pays with a switch to its host: more than it takes to pack a small record.
 * Some contexts are kept for the whole process; those that grew on a large
 * record are not.
 *
 * Ownership:  who took a context gives it back, after errors too.
 * Threads:    any thread; a context has one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_ZSTD_CONTEXT_H
#define ENGRAMFS_BACKENDS_ZSTD_CONTEXT_H

#include <zstd.h>

/* In their first state, with default parameters; NULL: no memory. */
ZSTD_CCtx *zstd_context_take_packer(void);
ZSTD_DCtx *zstd_context_take_unpacker(void);

/* Accept NULL. */
void zstd_context_give_packer(ZSTD_CCtx *context);
void zstd_context_give_unpacker(ZSTD_DCtx *context);

#endif
