/* SPDX-License-Identifier: MIT */
/*
 * hdf5_driver.h - libhdf5 writes through a journal
 *
 * A virtual file driver over the stock one (sec2).  That opens, locks and
 * closes the file; what is read and written goes through a journal
 * (journal.h), and so nothing happens to the file but by commits.  It notes
 * each read that fails (hdf5_note_unread), which the library may not tell.
 *
 * The library does not survive it when what it keeps in memory cannot be
 * written.  So only the writing of elements fails; other errors doom the
 * transaction, and journal_commit returns them.
 *
 * Threads:    as hdf5_library.h.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_DRIVER_H
#define ENGRAMFS_BACKENDS_HDF5_DRIVER_H

#include "backends/hdf5_library.h"
#include "backends/journal.h"

/* Files opened with ACCESS are written through JOURNAL: it begins when one is
 * opened, and is the caller's to end, whether that fails or when it is closed.
 * Until then the file stays locked.  NULL: they are opened for reading. */
int hdf5_driver_set(hid_t access, struct journal *journal);

#endif
