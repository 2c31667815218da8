/* SPDX-License-Identifier: MIT */
#include "backends/redis_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int ticket_key(const struct ticket *ticket, struct blob *out)
{
	return blob_printf(out, "engramfs:change:%s", ticket->owner);
}

void redis_ticket_ask(struct redis_batch *batch, const struct ticket *ticket)
{
	struct blob key = { 0 };

	if (!ticket)
		return;
	if (ticket_key(ticket, &key))
		batch->error = -ENOMEM;
	else
		redis_batch_key(batch, "GET", &key);
	blob_release(&key);
}

bool redis_ticket_is_used(const redisReply *reply, const struct ticket *ticket)
{
	return ticket && reply && reply->type == REDIS_REPLY_STRING &&
	       strtoull(reply->str, NULL, 10) == ticket->number;
}

void redis_ticket_use(struct redis_batch *batch, const struct ticket *ticket)
{
	struct blob key = { 0 };

	if (!ticket)
		return;
	if (ticket_key(ticket, &key)) {
		batch->error = -ENOMEM;
		return;
	}
	redis_batch_begin(batch, 5);
	redis_batch_text(batch, "SET");
	redis_batch_arg(batch, key.data, key.size);
	redis_batch_unsigned(batch, ticket->number);
	redis_batch_text(batch, "EX");
	redis_batch_int(batch, REDIS_TICKET_SECONDS);
	blob_release(&key);
}
