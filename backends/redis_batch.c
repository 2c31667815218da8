/* SPDX-License-Identifier: MIT */
#include "backends/redis_link.h"

#include "backends/redis_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Arguments from this size on are sent from where they are. */
#define LARGE_ARGUMENT ((size_t)16 << 10)

void redis_batch_forget(struct redis_batch *batch)
{
	for (size_t i = 0; batch->replies && i < batch->count; i++)
		if (batch->replies[i])
			freeReplyObject(batch->replies[i]);
	free(batch->replies);
	batch->replies = NULL;
}

void redis_batch_release(struct redis_batch *batch)
{
	redis_batch_forget(batch);
	free(batch->pieces);
	blob_release(&batch->wire);
	*batch = (struct redis_batch){ 0 };
}

static void keep_error(struct redis_batch *batch, int rc)
{
	if (batch->error == 0)
		batch->error = rc;
}

static int add_piece(struct redis_batch *batch, const void *data, size_t size)
{
	if (batch->piece_count == batch->piece_capacity) {
		size_t capacity = batch->piece_capacity + 4;
		struct redis_piece *pieces =
		    reallocarray(batch->pieces, capacity, sizeof(*pieces));

		if (!pieces)
			return -ENOMEM;
		batch->pieces = pieces;
		batch->piece_capacity = capacity;
	}
	batch->pieces[batch->piece_count++] = (struct redis_piece){
		.at = batch->wire.size, .data = data, .size = size
	};
	return 0;
}

void redis_batch_begin(struct redis_batch *batch, size_t argc)
{
	keep_error(batch, blob_printf(&batch->wire, "*%zu\r\n", argc));
	batch->count++;
}

void redis_batch_arg(struct redis_batch *batch, const void *data, size_t size)
{
	keep_error(batch, blob_printf(&batch->wire, "$%zu\r\n", size));
	if (size >= LARGE_ARGUMENT)
		keep_error(batch, add_piece(batch, data, size));
	else
		keep_error(batch, blob_append(&batch->wire, data, size));
	keep_error(batch, blob_append(&batch->wire, "\r\n", 2));
}

void redis_batch_text(struct redis_batch *batch, const char *text)
{
	redis_batch_arg(batch, text, strlen(text));
}

void redis_batch_int(struct redis_batch *batch, int64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, number);
	redis_batch_text(batch, digits);
}

void redis_batch_unsigned(struct redis_batch *batch, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	redis_batch_text(batch, digits);
}

void redis_batch_line(struct redis_batch *batch, const char *line)
{
	size_t argc = 1;

	for (const char *c = line; *c; c++)
		argc += *c == ' ';
	redis_batch_begin(batch, argc);
	for (; argc > 0; argc--) {
		size_t size = strcspn(line, " ");

		redis_batch_arg(batch, line, size);
		line += size + (line[size] == ' ');
	}
}

void redis_batch_key(struct redis_batch *batch, const char *command,
                     const struct blob *key)
{
	redis_batch_begin(batch, 2);
	redis_batch_text(batch, command);
	redis_batch_arg(batch, key->data, key->size);
}

size_t redis_batch_size(const struct redis_batch *batch)
{
	size_t size = batch->wire.size;

	for (size_t i = 0; i < batch->piece_count; i++)
		size += batch->pieces[i].size;
	return size;
}

/* TLS is hiredis's; it signals nothing to a daemon that ignores SIGPIPE. */
static int send_tls(redisContext *context, const char *data, size_t size,
                    bool more)
{
	int done = 0;

	if (redisAppendFormattedCommand(context, data, size) != REDIS_OK)
		return -ENOMEM;
	while (!more && !done)
		if (redisBufferWrite(context, &done) != REDIS_OK)
			return -EIO;
	return 0;
}

static int send_all(struct redis_link *link, const char *data, size_t size,
                    bool more)
{
	int fd = link->context->fd;

	if (link->encrypted)
		return send_tls(link->context, data, size, more);
	while (size > 0) {
		ssize_t sent =
		    send(fd, data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		size -= (size_t)sent;
	}
	return 0;
}

/* MSG_NOSIGNAL is why hiredis does not do the sending: a server that hangs up
 * must not end the process. */
int redis_batch_send(const struct redis_batch *batch, struct redis_link *link)
{
	size_t done = 0;
	int rc = 0;

	for (size_t i = 0; i < batch->piece_count && rc == 0; i++) {
		const struct redis_piece *piece = &batch->pieces[i];

		rc = send_all(link, batch->wire.data + done, piece->at - done,
		              true);
		if (rc == 0)
			rc = send_all(link, piece->data, piece->size, true);
		done = piece->at;
	}
	if (rc)
		return rc;
	return send_all(link, batch->wire.data + done, batch->wire.size - done,
	                false);
}

int redis_reply_error(const redisReply *reply)
{
	static const struct {
		const char *text; /* anywhere in the reply */
		int error;
	} meanings[] = {
		{ "OOM ", -ENOSPC },       { "No space left", -ENOSPC },
		{ "READONLY ", -EROFS },   { "NOAUTH ", -EACCES },
		{ "WRONGPASS ", -EACCES }, { "NOPERM ", -EACCES },
		{ "DENIED ", -EACCES },    { "LOADING ", -EAGAIN },
		{ "BUSY ", -EAGAIN },      { "MASTERDOWN ", -EAGAIN },
		{ "WRONGTYPE ", -EINVAL },
	};

	if (!reply)
		return -EIO;
	if (reply->type != REDIS_REPLY_ERROR)
		return 0;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strstr(reply->str, meanings[i].text))
			return meanings[i].error;
	return -EIO;
}

bool redis_reply_is(const redisReply *reply, const char *word)
{
	return (reply->type == REDIS_REPLY_STATUS ||
	        reply->type == REDIS_REPLY_STRING) &&
	       strcmp(reply->str, word) == 0;
}
