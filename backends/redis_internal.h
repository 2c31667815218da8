/* SPDX-License-Identifier: MIT */
/*
 * redis_internal.h - shared by the files of the Redis backend
 *
 * A record is a hash: its key is the collection's place and the record's key,
 * its fields are texts (redis_text.h), its one array is bytes (codec.h).  What
 * there is no place for is in one more field, the note (redis_note.h).  Fields
 * that are none of these are other programs' and are left alone, and so are
 * keys of other types than hash.
 *
 *   redis_link    one connection; a batch is one round trip
 *   redis_pool    connections, attempts, and whether the server is away
 *   redis_server  the embedded server
 *   redis_scan    keys, in pages
 *   redis_image   a hash as it is read
 *
 * Errors:     int functions return 0 or a negative errno value, as backend.h
 *             has them.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_INTERNAL_H
#define ENGRAMFS_BACKENDS_REDIS_INTERNAL_H

#include "backends/access.h"
#include "backends/backend.h"
#include "backends/codec.h"
#include "backends/redis_hearing.h"
#include "backends/redis_image.h"
#include "backends/redis_missing.h"
#include "backends/redis_pool.h"
#include "backends/redis_server.h"
#include "backends/redis_tls.h"
#include "backends/settings.h"

#include <pthread.h>
#include <stdatomic.h>

/* Collections share them. */
#define REDIS_USUAL 16

struct history;

#define REDIS_REMEMBERED 1024

/* What a record was when it went to the history, as far as it has to be told
 * apart. */
struct redis_remembered {
	uint64_t hash;
	int64_t expires_ms;
};

struct redis_store {
	struct store base;
	struct redis_server *server; /* NULL: somebody else's */
	struct redis_pool *pool;
	char *host;
	char *password;
	struct redis_tls *tls;
	struct redis_address address; /* of the server; texts are borrowed */
	bool read_only;
	struct redis_missing missing;
	bool follows;     /* encoding: auto */
	size_t threshold; /* bytes; longer arrays are packed */
	pthread_mutex_t syncing;
	struct history *history;     /* redis_history.h; or NULL */
	pthread_mutex_t remembering; /* of what follows */
	struct redis_remembered remembered[REDIS_REMEMBERED]; /* by key */
	atomic_int encoding; /* an enum encoding_choice; AUTO: not known yet */
	struct redis_hearing hearing;
	atomic_size_t usual[REDIS_USUAL]; /* redis_glimpse.c */
};

extern const struct backend redis_backend;
extern const struct access_ops redis_access_ops;   /* redis_access.c */
extern const struct glimpse_ops redis_glimpse_ops; /* redis_glimpse.c */

struct redis_store *redis_store_of(struct store *store);

/* What the vtable has. */
int redis_get(struct store *store, const struct collection *collection,
              struct key key, struct record *out);
/* watch_ops->look. */
int redis_get_briefly(struct store *store, const struct collection *collection,
                      struct key key, struct record *out);
int redis_list(struct store *store, const struct collection *collection,
               struct cursor *cursor, size_t limit, struct record_list *out);
int redis_find(struct store *store, const struct collection *collection,
               struct key prefix, bool (*match)(struct key key, void *arg),
               void *arg, struct blob *key_out);
int redis_open_array(struct store *store, const struct collection *collection,
                     struct key key, const char *name, struct reader **out);
int redis_open_opaque(struct store *store, const struct collection *collection,
                      struct key key, struct reader **out);
int redis_put(struct store *store, const struct collection *collection,
              struct key key, struct change *change, struct blob *key_out);
int redis_remove(struct store *store, const struct collection *collection,
                 struct key key);
int redis_rename(struct store *store, const struct collection *collection,
                 struct key from, struct key to, enum rename_mode mode);

/* Called with what redis_image_read says of key INDEX; may take the image's
 * contents.  A non-zero result stops and is returned. */
typedef int redis_image_fn(size_t index, int rc, struct redis_image *image,
                           void *arg);

/* A reading of COUNT records at KEYS (whole). */
struct redis_asking {
	const struct collection *collection;
	const struct blob *keys;
	size_t count;
	bool look;          /* at the arrays' bytes too */
	redisReply **bytes; /* NULL, or where those of the last one go */
	redis_image_fn *fn;
	void *arg;
};

/* Read records over LINK, in one round trip and at one instant. */
int redis_ask_images(struct redis_link *link,
                     const struct redis_asking *asking);

/* Read the record at KEY (whole).  Keys of other types are -ENOENT. */
int redis_read_image(struct redis_store *redis,
                     const struct collection *collection,
                     const struct blob *key, struct redis_image *out);

/* The same, and in BYTES the reply that has the array's bytes, which is the
 * caller's. */
int redis_read_image_with(struct redis_store *redis,
                          const struct collection *collection,
                          const struct blob *key, struct redis_image *out,
                          redisReply **bytes);

/* Where IMAGE does not tell the array's size, or its order where that is wanted
 * and the array is small, read the record anew and look at the array. */
int redis_look(struct redis_store *redis, const struct collection *collection,
               const struct blob *key, bool want_order,
               struct redis_image *image);

/* The stored bytes of the array; the reply is the caller's. */
int redis_fetch_over(struct redis_link *link,
                     const struct collection *collection,
                     const struct blob *key, redisReply **out);

/* Run MULTI, the commands in between, EXEC: a BATCH whose first and last they
 * are.  -ESTALE: something watched has changed, and nothing was done. */
int redis_execute(struct redis_link *link, struct redis_batch *batch);

/* Remove the key, as redis_execute; a server without memory, which refuses
 * transactions, does it all the same.  TICKET may be NULL. */
int redis_unlink(struct redis_link *link, const struct blob *key,
                 const struct ticket *ticket);

/* The tries of one change to what others may be changing; starts zeroed. */
struct redis_tries {
	unsigned int count;
	int64_t until;
};

/* Called with the result of each try: is there to be another?  There is after
 * -ESTALE, for ten seconds.  From the fourth on one waits a moment first, so
 * that the others get done. */
bool redis_try_again(struct redis_tries *tries, int rc);

/* Stop watching, where LINK does. */
void redis_unwatch(struct redis_link *link);

/* Make what the embedded server holds survive a power cut. */
int redis_sync_server(struct redis_store *redis);

/* How arrays are written: as told, or as the store has them. */
int redis_choose_encoding(struct redis_store *redis, enum encoding *out);

/* The store has arrays in ENCODING. */
void redis_settle_encoding(struct redis_store *redis, enum encoding encoding);

extern const struct watch_ops redis_watch_ops; /* redis_watch.c */

/* redis_upkeep.c, redis_backup.c: maintenance.h */
struct work;
extern const struct maintenance_ops redis_maintenance;
int redis_backup(struct store *store, const struct collection *rows,
                 const char *directory, const struct work *work,
                 struct value *files);
int redis_restore(struct store *store, const char *path);
/* Append the line of a backup for KEY, of which DUMP and PTTL say this; nothing
 * where it is gone. */
int redis_backup_line(struct blob *lines, const struct blob *key,
                      const redisReply *dump, const redisReply *ttl);

#endif
