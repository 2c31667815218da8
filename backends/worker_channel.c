/* SPDX-License-Identifier: MIT */
#include "backends/worker_channel.h"

#include "backends/file.h"
#include "backends/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAGIC 0x6d677265U
#define FIRST ((size_t)16 << 10) /* most messages are smaller */
#define STEP ((size_t)1 << 20)

static int slot_new(int *out)
{
	int fd = memfd_create("engramfs-slot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)WORKER_SLOT) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
	        0)
		rc = -errno;
	if (rc)
		close(fd);
	else
		*out = fd;
	return rc;
}

int worker_channel_adopt(const struct descriptors *other,
                         struct worker_channel *out)
{
	void *slot = mmap(NULL, WORKER_SLOT, PROT_READ | PROT_WRITE, MAP_SHARED,
	                  other->fds[1], 0);
	int rc = slot == MAP_FAILED ? -errno : 0;

	close(other->fds[1]);
	if (rc == 0)
		*out = (struct worker_channel){ .fd = other->fds[0],
			                        .slot = slot };
	else
		close(other->fds[0]);
	return rc;
}

/* A socket and a slot, and another descriptor of each. */
static int make_ends(struct descriptors *mine, struct descriptors *other)
{
	int ends[2];
	int fd = -1;
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*mine = (struct descriptors){ 1, { ends[0] } };
	*other = (struct descriptors){ 1, { ends[1] } };
	rc = slot_new(&fd);
	if (rc)
		return rc;
	other->fds[other->count++] = fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mine->fds[mine->count++] = fd;
	return 0;
}

int worker_channel_new(struct worker_channel *out, struct descriptors *other)
{
	struct descriptors mine = { 0 };
	int rc;

	*other = mine;
	rc = make_ends(&mine, other);
	if (rc)
		descriptors_close(&mine);
	else
		rc = worker_channel_adopt(&mine, out);
	if (rc)
		descriptors_close(other);
	return rc;
}

void worker_channel_close(struct worker_channel *channel)
{
	if (!channel->slot)
		return;
	munmap(channel->slot, WORKER_SLOT);
	close(channel->fd);
	blob_release(&channel->in);
	blob_release(&channel->out);
	*channel = (struct worker_channel){ .fd = -1 };
}

int worker_channel_set_timeout(struct worker_channel *channel, int ms)
{
	const struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	if (setsockopt(channel->fd, SOL_SOCKET, SO_RCVTIMEO, &time,
	               sizeof(time)) < 0 ||
	    setsockopt(channel->fd, SOL_SOCKET, SO_SNDTIMEO, &time,
	               sizeof(time)) < 0)
		return -errno;
	return 0;
}

/* The call failed with ERROR: 0, it is to be made again. */
static int try_again(const struct worker_channel *channel, int error)
{
	if (error == EINTR)
		return 0;
	if (error == EAGAIN || error == EWOULDBLOCK)
		return !channel->patient || channel->patient(channel->arg)
		           ? 0
		           : -ETIMEDOUT;
	return error == ECONNRESET ? -EPIPE : -error;
}

/* Go on behind the first SIZE bytes. */
static void advance(struct msghdr *message, size_t size)
{
	while (message->msg_iovlen && size >= message->msg_iov->iov_len) {
		size -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (message->msg_iovlen) {
		message->msg_iov->iov_base =
		    (char *)message->msg_iov->iov_base + size;
		message->msg_iov->iov_len -= size;
	}
	message->msg_control = NULL; /* descriptors go once */
	message->msg_controllen = 0;
}

int worker_channel_send(struct worker_channel *channel,
                        struct worker_frame frame,
                        const struct descriptors *files)
{
	struct iovec parts[] = {
		{ &frame, sizeof(frame) },
		{ channel->out.data, channel->out.size },
	};
	struct msghdr message = { .msg_iov = parts,
		                  .msg_iovlen = channel->out.size ? 2 : 1 };
	union descriptors_room room;
	int rc = 0;

	frame.magic = MAGIC;
	frame.size = (uint32_t)channel->out.size;
	if (files && files->count)
		descriptors_attach(files, &message, &room);
	while (rc == 0 && message.msg_iovlen) {
		ssize_t sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL);

		if (sent < 0)
			rc = try_again(channel, errno);
		else
			advance(&message, (size_t)sent);
	}
	return rc;
}

/* Some bytes.  FILES as in worker_channel_receive. */
static int receive_some(struct worker_channel *channel, struct iovec *parts,
                        size_t count, size_t *size, struct descriptors *files)
{
	union descriptors_room room;
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	int rc = 0;

	while (rc == 0) {
		ssize_t got;

		if (files)
			descriptors_expect(&message, &room);
		got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);
		if (got < 0) {
			rc = try_again(channel, errno);
			continue;
		}
		if (got == 0)
			return -EPIPE;
		if (files)
			descriptors_take(&message, files);
		*size = (size_t)got;
		return 0;
	}
	return rc;
}

/* What is missing of a message of SIZE bytes.  Memory is asked for as bytes
 * arrive, not as they are announced. */
static int receive_rest(struct worker_channel *channel, struct blob *in,
                        size_t size)
{
	while (in->size < size) {
		size_t room = in->size + STEP < size ? in->size + STEP : size;
		struct iovec part;
		size_t got;
		int rc = blob_reserve(in, room);

		if (rc)
			return rc;
		part = (struct iovec){ in->data + in->size, room - in->size };
		rc = receive_some(channel, &part, 1, &got, NULL);
		if (rc)
			return rc;
		in->size += got;
	}
	return 0;
}

int worker_channel_receive(struct worker_channel *channel,
                           struct worker_frame *frame, struct blob *in,
                           struct descriptors *files)
{
	size_t got = 0;
	size_t size;
	int rc;

	if (in->capacity > STEP)
		blob_release(in);
	in->size = 0;
	rc = blob_reserve(in, FIRST);
	if (files)
		files->count = 0;
	while (rc == 0 && got < sizeof(*frame)) {
		struct iovec parts[] = {
			{ (char *)frame + got, sizeof(*frame) - got },
			{ in->data, FIRST },
		};

		rc = receive_some(channel, parts, 2, &size, files);
		if (rc == 0)
			got += size;
	}
	if (rc)
		return rc;
	in->size = got - sizeof(*frame);
	if (frame->magic != MAGIC || frame->size > WIRE_MOST ||
	    in->size > frame->size)
		return -EPROTO;
	return receive_rest(channel, in, frame->size);
}

int worker_file_new(const void *bytes, uint64_t size, int *out)
{
	int fd = memfd_create("engramfs-array", MFD_CLOEXEC);
	int rc = fd < 0 ? -errno : file_write_all(fd, bytes, size);

	if (rc == 0)
		*out = fd;
	else if (fd >= 0)
		close(fd);
	return rc;
}
