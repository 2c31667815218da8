/* SPDX-License-Identifier: MIT */
/*
 * hdf5_closer.h - a thread that closes files which nobody uses
 *
 * It sleeps until a file is opened, and then looks again and again until all
 * are closed.
 *
 * Errors:     0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_CLOSER_H
#define ENGRAMFS_BACKENDS_HDF5_CLOSER_H

#include <stdbool.h>

struct hdf5_closer;

/* CLOSE closes what can be closed, inside the library (hdf5_library.h), and
 * says whether anything is left open. */
int hdf5_closer_new(bool (*close)(void *arg), void *arg,
                    struct hdf5_closer **out);
/* Ends the thread.  Not from inside the library.  Accepts NULL. */
void hdf5_closer_free(struct hdf5_closer *closer);

/* A file was opened: from inside the library. */
int hdf5_closer_wake(struct hdf5_closer *closer);

#endif
