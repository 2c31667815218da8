/* SPDX-License-Identifier: MIT */
/*
 * hdf5_bench.h - an HDF5 store in a directory of its own, with h5py beside it
 *
 * What goes wrong in a helper fails the test.
 */
#ifndef ENGRAMFS_TESTS_HDF5_BENCH_H
#define ENGRAMFS_TESTS_HDF5_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "backends/settings.h"

struct bench {
	char directory[96];
	char file[160]; /* the store's HDF5 file */
	struct settings settings;
	struct store *store;
};

extern const struct backend hdf5_backend;

/* For cmocka_unit_test_setup_teardown: a directory and default settings. */
int bench_set_up(void **state);
int bench_tear_down(void **state);

void bench_open(struct bench *bench);
void bench_close(struct bench *bench);
/* Put a copy of the file of the Python classes there; before bench_open. */
void bench_use_legacy(struct bench *bench);

/* Run a command of hdf5_peer.py on the file.  Returns its exit status. */
int bench_peer(const struct bench *bench, const char *command,
               const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The row of tree_collections with this path and shape. */
const struct collection *bench_collection(const char *path,
                                          enum record_shape shape);
struct key bench_key(const char *text);

/* PUT of one array, of fields (JSON text), of both. */
void bench_put_array(struct bench *bench, const struct collection *collection,
                     const char *key, const char *name,
                     const struct array *array);
void bench_put_fields(struct bench *bench, const struct collection *collection,
                      const char *key, const char *json);
void bench_get(struct bench *bench, const struct collection *collection,
               const char *key, struct record *out);

/* The snapshot that check_snapshot of hdf5_peer.py expects. */
void bench_put_snapshot(struct bench *bench, const char *key);

/* COUNT doubles 0, 1, 2, ... in rows of COLUMNS. */
void bench_doubles(struct array *array, uint64_t count, uint64_t columns);

/* All bytes of an array, by one read. */
void bench_read(struct bench *bench, const struct collection *collection,
                const char *key, const char *name, struct array *out);

/* Every record below OUT: <collection>/<key>/<array>.npy, fields.json */
void bench_export(struct bench *bench, const char *out);

void bench_write_file(const char *path, const struct blob *bytes);
void bench_read_file(const char *path, struct blob *out);

#endif
