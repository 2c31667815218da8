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

union control {
	char bytes[CMSG_SPACE(WORKER_MOST_FILES * sizeof(int))];
	struct cmsghdr align;
};

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

int worker_channel_adopt(const int other[2], struct worker_channel *out)
{
	void *slot = mmap(NULL, WORKER_SLOT, PROT_READ | PROT_WRITE, MAP_SHARED,
	                  other[1], 0);
	int rc = slot == MAP_FAILED ? -errno : 0;

	close(other[1]);
	if (rc == 0)
		*out = (struct worker_channel){ .fd = other[0], .slot = slot };
	else
		close(other[0]);
	return rc;
}

int worker_channel_new(struct worker_channel *out, int other[2])
{
	int ends[2];
	int mine[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	rc = slot_new(&other[1]);
	if (rc == 0) {
		mine[0] = ends[0];
		mine[1] = fcntl(other[1], F_DUPFD_CLOEXEC, 0);
		rc = mine[1] < 0 ? -errno : 0;
		if (rc)
			close(other[1]);
	}
	if (rc) {
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	other[0] = ends[1];
	rc = worker_channel_adopt(mine, out);
	if (rc) {
		close(other[0]);
		close(other[1]);
	}
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

static void add_files(struct msghdr *message, union control *control,
                      const int *files, size_t count)
{
	struct cmsghdr *header;

	*control = (union control){ 0 };
	message->msg_control = control->bytes;
	message->msg_controllen = CMSG_SPACE(count * sizeof(*files));
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(*files));
	memcpy(CMSG_DATA(header), files, count * sizeof(*files));
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
                        const struct worker_files *files)
{
	struct iovec parts[] = {
		{ &frame, sizeof(frame) },
		{ channel->out.data, channel->out.size },
	};
	struct msghdr message = { .msg_iov = parts,
		                  .msg_iovlen = channel->out.size ? 2 : 1 };
	union control control;
	int rc = 0;

	frame.magic = MAGIC;
	frame.size = (uint32_t)channel->out.size;
	if (files && files->count)
		add_files(&message, &control, files->fds, files->count);
	while (rc == 0 && message.msg_iovlen) {
		ssize_t sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL);

		if (sent < 0)
			rc = try_again(channel, errno);
		else
			advance(&message, (size_t)sent);
	}
	return rc;
}

/* The first COUNT descriptors of MESSAGE; more are closed. */
static size_t take_files(struct msghdr *message, int *files, size_t count)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t taken = 0;
	size_t there;

	if (!header || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return 0;
	there = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < there; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (taken < count)
			files[taken++] = fd;
		else
			close(fd);
	}
	return taken;
}

/* Some bytes.  FILES as in worker_channel_receive. */
static int receive_some(struct worker_channel *channel, struct iovec *parts,
                        size_t count, size_t *size, struct worker_files *files)
{
	union control control;
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	int rc = 0;

	while (rc == 0) {
		ssize_t got;

		message.msg_control = files ? control.bytes : NULL;
		message.msg_controllen = files ? sizeof(control.bytes) : 0;
		got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);
		if (got < 0) {
			rc = try_again(channel, errno);
			continue;
		}
		if (got == 0)
			return -EPIPE;
		if (files && files->count == 0)
			files->count =
			    take_files(&message, files->fds, WORKER_MOST_FILES);
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
                           struct worker_files *files)
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

void worker_files_close(struct worker_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		close(files->fds[i]);
	files->count = 0;
}

int worker_send_files(int fd, const int *files, size_t count)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t sent;

	add_files(&message, &control, files, count);
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int worker_receive_files(int fd, int *files, size_t count, size_t *received)
{
	char byte;
	struct iovec part = { &byte, 1 };
	union control control;
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control.bytes,
		                  .msg_controllen = sizeof(control.bytes) };
	ssize_t got;

	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	*received = got == 0 ? 0 : take_files(&message, files, count);
	return 0;
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
