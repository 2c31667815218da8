/* SPDX-License-Identifier: MIT */
#include "backends/descriptors.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void descriptors_close(struct descriptors *files)
{
	for (size_t i = 0; i < files->count; i++)
		close(files->fds[i]);
	files->count = 0;
}

void descriptors_attach(const struct descriptors *files, struct msghdr *message,
                        union descriptors_room *room)
{
	size_t size = files->count * sizeof(files->fds[0]);
	struct cmsghdr *header;

	*room = (union descriptors_room){ 0 };
	message->msg_control = room->bytes;
	message->msg_controllen = CMSG_SPACE(size);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), files->fds, size);
}

void descriptors_expect(struct msghdr *message, union descriptors_room *room)
{
	message->msg_control = room->bytes;
	message->msg_controllen = sizeof(room->bytes);
}

static void take_some(struct cmsghdr *header, struct descriptors *out)
{
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (out->count < DESCRIPTORS_MOST)
			out->fds[out->count++] = fd;
		else
			close(fd);
	}
}

void descriptors_take(struct msghdr *message, struct descriptors *out)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_SOCKET &&
		    header->cmsg_type == SCM_RIGHTS)
			take_some(header, out);
}

int descriptors_send(int fd, const void *data, size_t size,
                     const struct descriptors *files, int flags)
{
	union {
		const void *given;
		void *data; /* which is only looked at */
	} bytes = { data };

	struct iovec part = { bytes.data, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union descriptors_room room;
	ssize_t sent;

	if (files->count)
		descriptors_attach(files, &message, &room);
	do
		sent = sendmsg(fd, &message, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t descriptors_receive(int fd, void *data, size_t size,
                            struct descriptors *out)
{
	struct iovec part = { data, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union descriptors_room room;
	ssize_t got;

	out->count = 0;
	descriptors_expect(&message, &room);
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	descriptors_take(&message, out);
	return got;
}
