/* SPDX-License-Identifier: MIT */
#include "backends/redis_internal.h"
#include "backends/redis_ticket.h"

#include <errno.h>
#include <time.h>

#define CONFLICT_MS 10000 /* how long a record may change under a write */
#define PAUSE_NS 4000000  /* between two tries, at most */

/* A command that was refused when it was queued undoes the whole. */
static int check_replies(struct redis_link *link,
                         const struct redis_batch *batch)
{
	const redisReply *done = batch->replies[batch->count - 1];
	int rc = 0;

	for (size_t i = 0; i < batch->count && rc == 0; i++)
		rc = redis_link_check(link, batch->replies[i]);
	if (rc)
		return rc;
	if (done->type == REDIS_REPLY_NIL)
		return -ESTALE;
	if (done->type != REDIS_REPLY_ARRAY)
		return -EIO;
	for (size_t i = 0; i < done->elements && rc == 0; i++)
		rc = redis_link_check(link, done->element[i]);
	return rc;
}

int redis_execute(struct redis_link *link, struct redis_batch *batch)
{
	int rc = redis_link_run(link, batch);

	if (rc)
		return rc;
	link->watching = false;
	return check_replies(link, batch);
}

int redis_unlink(struct redis_link *link, const struct blob *key,
                 const struct ticket *ticket)
{
	struct redis_batch batch = { .once = true };
	struct redis_batch alone = { .once = true };
	int rc;

	redis_batch_line(&batch, "MULTI");
	redis_batch_key(&batch, "UNLINK", key);
	redis_ticket_use(&batch, ticket);
	redis_batch_line(&batch, "EXEC");
	redis_batch_key(&alone, "UNLINK", key);
	rc = redis_execute(link, &batch);
	if (rc == -ENOSPC)
		rc = redis_link_run(link, &alone);
	if (rc == 0 && alone.replies)
		rc = redis_link_check(link, alone.replies[0]);
	redis_batch_release(&batch);
	redis_batch_release(&alone);
	return rc;
}

/* For a time that is another one for each thread. */
static void pause_a_moment(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec = 0;
	time.tv_nsec %= PAUSE_NS;
	nanosleep(&time, NULL);
}

bool redis_try_again(struct redis_tries *tries, int rc)
{
	int64_t now = redis_clock_ms();

	if (rc != -ESTALE)
		return false;
	if (tries->count++ == 0)
		tries->until = now + CONFLICT_MS;
	if (tries->count > 3)
		pause_a_moment();
	return now < tries->until;
}

void redis_unwatch(struct redis_link *link)
{
	struct redis_batch batch = { 0 };

	if (!link->watching || link->broken)
		return;
	redis_batch_line(&batch, "UNWATCH");
	if (redis_link_run(link, &batch) == 0 &&
	    redis_reply_is(batch.replies[0], "OK"))
		link->watching = false;
	redis_batch_release(&batch);
}
