/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - descriptors that go with a message over a unix socket
 *
 * Errors:     0, or a size, or a negative errno value.
 * Ownership:  who sends keeps his own; what was received is the receiver's.
 *             A struct that is all-zero has none.
 * Threads:    no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_DESCRIPTORS_H
#define ENGRAMFS_BACKENDS_DESCRIPTORS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* That go with one message. */
#define DESCRIPTORS_MOST 2

struct descriptors {
	size_t count;
	int fds[DESCRIPTORS_MOST];
};

/* A message refers to it until it is sent, or taken apart. */
union descriptors_room {
	char bytes[CMSG_SPACE(DESCRIPTORS_MOST * sizeof(int))];
	struct cmsghdr align;
};

void descriptors_close(struct descriptors *files);

/* FILES (at least one) go with MESSAGE. */
void descriptors_attach(const struct descriptors *files, struct msghdr *message,
                        union descriptors_room *room);

/* What comes with MESSAGE will be in ROOM ... */
void descriptors_expect(struct msghdr *message, union descriptors_room *room);
/* ... and is added to OUT now.  What is too much is closed. */
void descriptors_take(struct msghdr *message, struct descriptors *out);

/* One message: SIZE bytes with FILES, which may be none.  FLAGS as send(2); no
 * signal is raised. */
int descriptors_send(int fd, const void *data, size_t size,
                     const struct descriptors *files, int flags);
/* One message, of up to SIZE bytes, and what came with it, also where less was
 * expected.  0: the other side is gone. */
ssize_t descriptors_receive(int fd, void *data, size_t size,
                            struct descriptors *out);

#endif
