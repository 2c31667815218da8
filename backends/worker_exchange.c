/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file that BYTES are mapped from, in a descriptor that cannot change it, or
 * one with a copy. */
static int bytes_file(struct worker_bytes *bytes, struct descriptors *files)
{
	char path[40];
	int fd = -1;
	int rc = 0;

	bytes->in_file = true;
	bytes->offset = 0;
	if (bytes->file) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d",
		         bytes->file->fd);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd >= 0)
		bytes->offset = bytes->file->offset;
	else
		rc = worker_file_new(bytes->bytes, bytes->size, &fd);
	if (rc == 0)
		files->fds[files->count++] = fd;
	return rc;
}

/* What goes beside the message. */
static int place_bytes(struct worker_channel *channel, struct worker_call *call,
                       struct descriptors *files)
{
	struct worker_bytes *elements = &call->elements;
	int rc = 0;

	if (elements->size > WORKER_SLOT)
		rc = bytes_file(elements, files);
	else if (elements->size)
		memcpy(channel->slot, elements->bytes, elements->size);
	if (rc == 0 && call->chunks.size)
		rc = bytes_file(&call->chunks, files);
	return rc;
}

/* Without SENT: nothing was, and the error is the call's. */
static int send_request(struct worker_channel *channel,
                        struct worker_call *call, bool *sent)
{
	const struct worker_frame frame = { .kind = WORKER_REQUEST,
		                            .operation = call->operation };
	struct descriptors files = { 0 };
	struct wire wire;
	int rc = place_bytes(channel, call, &files);

	channel->out.size = 0;
	wire_write_to(&wire, &channel->out);
	if (rc == 0) {
		worker_wire_request(&wire, call);
		rc = wire_end(&wire);
	}
	*sent = rc == 0;
	if (rc == 0)
		rc = worker_channel_send(channel, frame, &files);
	descriptors_close(&files);
	return rc;
}

static int answer(struct worker_channel *channel, struct worker_call *call)
{
	struct worker_frame frame = { .kind = WORKER_ANSWER };
	struct worker_question question;
	struct wire wire;
	int rc;

	wire_read_from(&wire, channel->in.data, channel->in.size);
	worker_wire_question(&wire, &question);
	rc = wire_end(&wire);
	if (rc == 0 && (question.is_step ? !call->work : !call->match))
		rc = -EPROTO;
	if (rc)
		return rc;
	rc = question.is_step
	         ? call->work->step(call->work->arg, question.progress)
	         : call->match(question.key, call->match_arg);
	frame.value = (uint64_t)(int64_t)rc;
	channel->out.size = 0;
	return worker_channel_send(channel, frame, NULL);
}

/* The elements in the slot. */
static int take_bytes(struct worker_channel *channel, struct worker_call *call)
{
	bool given = call->buffer || call->borrows;
	uint64_t size = call->in_slot;

	if (size > WORKER_SLOT || (given && size > call->size))
		return -EPROTO;
	if (call->buffer)
		memcpy(call->buffer, channel->slot, size);
	return given || size == 0 ? 0
	                          : blob_set(&call->bytes, channel->slot, size);
}

static int take_reply(struct worker_channel *channel, struct worker_call *call,
                      const struct worker_frame *frame)
{
	struct wire wire;
	int rc;

	if (frame->operation != call->operation)
		return -EPROTO;
	call->in_slot = 0;
	wire_read_from(&wire, channel->in.data, channel->in.size);
	worker_wire_reply(&wire, call);
	rc = wire_end(&wire);
	return rc ? rc : take_bytes(channel, call);
}

/* Nothing but trouble with the channel tells that the worker is broken. */
static int meaning(int rc)
{
	return rc == -ENOMEM || rc == -EPIPE || rc == -ETIMEDOUT ? rc : -EPROTO;
}

int worker_exchange(struct worker_channel *channel, struct worker_call *call)
{
	struct worker_frame frame;
	bool sent;
	int rc = send_request(channel, call, &sent);

	if (!sent) {
		call->rc = rc;
		return 0;
	}
	if (rc == -EPIPE)
		return -ENOTCONN;
	while (rc == 0) {
		rc =
		    worker_channel_receive(channel, &frame, &channel->in, NULL);
		if (rc || frame.kind != WORKER_QUESTION)
			break;
		rc = answer(channel, call);
	}
	if (rc == 0)
		rc = frame.kind == WORKER_REPLY
		         ? take_reply(channel, call, &frame)
		         : -EPROTO;
	return rc ? meaning(rc) : 0;
}
