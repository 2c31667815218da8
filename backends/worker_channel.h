/* SPDX-License-Identifier: MIT */
/*
 * worker_channel.h - where a daemon and its worker talk
 *
 * Each call under way has a channel for itself: a socket for messages, and a
 * slot, memory that both see, for the elements of arrays.  The caller writes a
 * request and waits for the reply (and for questions before it); one thread of
 * the worker serves the channel.  Nobody else reads or writes there, so there is
 * nothing to number, to sort or to lock.
 *
 * The slot is sealed: the other side cannot make it smaller under our feet.
 * What it holds may change at any time; it is bytes to be copied, never data to
 * be parsed.
 *
 * Errors:     0 or a negative errno value.  -EPIPE: the other side is gone.
 *             -EPROTO: it sends nonsense.  -ETIMEDOUT: see PATIENT.
 * Threads:    a channel has one user.
 */
#ifndef ENGRAMFS_BACKENDS_WORKER_CHANNEL_H
#define ENGRAMFS_BACKENDS_WORKER_CHANNEL_H

#include "backends/blob.h"
#include "backends/descriptors.h"

#include <stdbool.h>
#include <stdint.h>

/* Elements that go through the slot at once; more are sent as a file. */
#define WORKER_SLOT ((size_t)1 << 20)

enum worker_kind {
	WORKER_REQUEST = 1,
	WORKER_REPLY,
	WORKER_QUESTION, /* from the worker, before its reply */
	WORKER_ANSWER,   /* has no body: VALUE says it */
};

/* What goes before each message. */
struct worker_frame {
	uint32_t magic;
	uint32_t size; /* of the message */
	uint32_t kind;
	uint32_t operation;
	uint64_t value; /* the answer */
};

struct worker_channel {
	int fd;
	char *slot;
	struct blob in;
	struct blob out; /* the message that is sent next */
	/* Called about every second that the other side is waited for; false:
	 * give it up.  NULL: wait for ever. */
	bool (*patient)(void *arg);
	void *arg;
};

/* A channel, and its other end: two descriptors to be sent on. */
int worker_channel_new(struct worker_channel *out, struct descriptors *other);
/* The other end, which takes over both descriptors, on an error too. */
int worker_channel_adopt(const struct descriptors *other,
                         struct worker_channel *out);
void worker_channel_close(struct worker_channel *channel);

/* How often PATIENT is asked. */
int worker_channel_set_timeout(struct worker_channel *channel, int ms);

/* Send CHANNEL->out behind FRAME, whose size is set here; and FILES, which may be
 * NULL. */
int worker_channel_send(struct worker_channel *channel,
                        struct worker_frame frame,
                        const struct descriptors *files);

/* The next message, into IN.  FILES: what came with it, also on an error; NULL:
 * none are taken. */
int worker_channel_receive(struct worker_channel *channel,
                           struct worker_frame *frame, struct blob *in,
                           struct descriptors *files);

/* A file in memory with BYTES. */
int worker_file_new(const void *bytes, uint64_t size, int *out);

#endif
