/* SPDX-License-Identifier: MIT */
/*
 * ask.h - the calls of a backend that are counted and timed
 *
 * They do what the functions of the same name in backend.h do, for the store
 * that keeps COLLECTION.
 *
 * Errors:     as backend.h; -EIO: the store could not be opened.
 * Threads:    as backend.h.
 */
#ifndef ENGRAMFS_LAYOUT_ASK_H
#define ENGRAMFS_LAYOUT_ASK_H

#include "layout/stores.h"

int ask_get(const struct stores *stores, const struct collection *collection,
            struct key key, struct record *out);
/* glimpse.h: for stores that have it. */
int ask_glimpse(const struct stores *stores,
                const struct collection *collection, struct key key,
                const char *name, struct record *out, struct reader **reader);
int ask_list(const struct stores *stores, const struct collection *collection,
             struct cursor *cursor, size_t limit, struct record_list *out);
int ask_open_array(const struct stores *stores,
                   const struct collection *collection, struct key key,
                   const char *name, struct reader **out);
int ask_put(const struct stores *stores, const struct collection *collection,
            struct key key, struct change *change, struct blob *key_out);
int ask_remove(const struct stores *stores, const struct collection *collection,
               struct key key);
int ask_rename(const struct stores *stores, const struct collection *collection,
               struct key from, struct key to, enum rename_mode mode);

#endif
