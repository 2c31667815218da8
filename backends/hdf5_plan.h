/* SPDX-License-Identifier: MIT */
/*
 * hdf5_plan.h - the chunks that new arrays are stored in
 *
 * Threads:    outside of the library too; settings are constant.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_PLAN_H
#define ENGRAMFS_BACKENDS_HDF5_PLAN_H

#include "backends/packed.h"
#include "backends/settings.h"

extern const struct packed_ops hdf5_packed;

/* CHUNK gets the shape of the chunks of an array of INFO, whose elements are
 * stored in ELEMENT bytes. */
void hdf5_plan_chunk(const struct hdf5_settings *settings,
                     const struct array_info *info, uint64_t element,
                     uint64_t *chunk);

#endif
