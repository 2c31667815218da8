/* SPDX-License-Identifier: MIT */
/* worker_peer.h - a worker without a process, which sends what it is fed
 *
 * It opens its store as it should.  After that, each time the daemon waits for a
 * message, it gets the next frame of the feed: its kind, operation and value,
 * the size of its message, and the message.  Behind the last one there are no
 * more. */
#ifndef ENGRAMFS_TESTS_FUZZ_WORKER_PEER_H
#define ENGRAMFS_TESTS_FUZZ_WORKER_PEER_H

#include "tests/fuzz/feed.h"

/* For all workers from now on, also for the one that follows when one ends. */
void worker_peer_feed(struct feed *feed);

#endif
