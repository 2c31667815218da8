/* SPDX-License-Identifier: MIT */
/*
 * redis_ticket.h - what tells that a change from the spool was made
 *
 * The number of the last one is the text at engramfs:change:<owner>.  It is
 * written in the transaction of the change and goes after a week.
 *
 * Everything accepts NULL for a ticket, and then does nothing.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_TICKET_H
#define ENGRAMFS_BACKENDS_REDIS_TICKET_H

#include "backends/backend.h"
#include "backends/redis_link.h"

#define REDIS_TICKET_SECONDS 604800

/* Append a command whose reply redis_ticket_is_used looks at. */
void redis_ticket_ask(struct redis_batch *batch, const struct ticket *ticket);
bool redis_ticket_is_used(const redisReply *reply, const struct ticket *ticket);

/* Append a command that stores TICKET's number. */
void redis_ticket_use(struct redis_batch *batch, const struct ticket *ticket);

#endif
