/* SPDX-License-Identifier: MIT */
#include "backends/redis_watch.h"

#include "backends/log.h"
#include "backends/redis_wire.h"
#include "backends/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECT_MS 1000
/* The server is asked for a sign of life this often, and given up when it has
 * been silent for twice as long: WATCH_SILENCE_MS in all. */
#define PING_MS 1000
/* Between attempts: doubles. */
#define WAIT_LEAST_MS 100
#define WAIT_MOST_MS 5000
/* A server that tells of nothing is asked again, it may be another by then. */
#define WAIT_UNABLE_MS 60000

struct watch {
	struct redis_store *redis;
	const struct collection *rows;
	watch_fn *fn;
	void *arg;
	pthread_t thread;
	int stop_fd; /* readable: stop */
	bool said_unable;
};

static void tell(struct watch *watch, enum watch_what what)
{
	const struct watch_event event = { .what = what };

	watch->fn(&event, watch->arg);
}

static void tell_key(struct watch *watch, const redisReply *reply)
{
	struct watch_event event = { .what = WATCH_RECORD };

	if (reply->type != REDIS_REPLY_STRING)
		return;
	event.collection =
	    redis_watch_row(watch->rows, redis_watch_key(reply), &event.key);
	if (event.collection)
		watch->fn(&event, watch->arg);
}

static void tell_message(struct watch *watch, redisReply *message)
{
	redisReply **keys = NULL;
	size_t count = 0;

	switch (redis_watch_read(message, &keys, &count)) {
	case REDIS_NEWS_KEYS:
		for (size_t i = 0; i < count; i++)
			tell_key(watch, keys[i]);
		break;
	case REDIS_NEWS_ANY:
		tell(watch, WATCH_ANY);
		break;
	case REDIS_NEWS_NONE:
		break;
	}
}

/* Tell what has arrived.  False: the connection is of no more use. */
static bool drain(struct watch *watch, struct redis_link *link)
{
	void *message = NULL;

	for (;;) {
		if (redisGetReplyFromReader(link->context, &message) !=
		    REDIS_OK)
			return false;
		if (!message)
			return true;
		tell_message(watch, message);
		freeReplyObject(message);
	}
}

/* True: it is time to stop. */
static bool wait_for_stop(struct watch *watch, int ms)
{
	struct pollfd stop = { .fd = watch->stop_fd, .events = POLLIN };

	return poll(&stop, 1, ms) > 0;
}

static bool send_ping(struct redis_link *link)
{
	struct redis_batch ping = { 0 };
	bool sent;

	redis_batch_line(&ping, "PING");
	sent = ping.error == 0 && redis_batch_send(&ping, link) == 0;
	redis_batch_release(&ping);
	return sent;
}

/* Nothing came for PING_MS: ask for something; the second time, give up. */
static bool is_silent(struct redis_link *link, bool *asked)
{
	if (*asked)
		return true;
	*asked = true;
	return !send_ping(link);
}

/* Nothing of a message is left that has not come as a whole. */
static bool is_drained(const struct redis_link *link)
{
	const redisReader *reader = link->context->reader;

	return reader->ridx <= 0 && reader->pos >= reader->len;
}

/* False: the connection is of no more use. */
static bool take_news(struct watch *watch, struct redis_link *link)
{
	struct redis_hearing *hearing = &watch->redis->hearing;

	redis_hearing_telling(hearing, true);
	if (redisBufferRead(link->context) != REDIS_OK || !drain(watch, link))
		return false;
	redis_hearing_telling(hearing, !is_drained(link));
	return true;
}

/* Until the connection is lost (false), or it is time to stop (true). */
static bool listen_to(struct watch *watch, struct redis_link *link, bool whole)
{
	struct pollfd fds[] = {
		{ .fd = watch->stop_fd, .events = POLLIN },
		{ .fd = link->context->fd, .events = POLLIN },
	};
	struct redis_hearing *hearing = &watch->redis->hearing;
	bool asked = false;

	/* What came together with the answers to the subscription. */
	if (!drain(watch, link))
		return false;
	redis_hearing_telling(hearing, !is_drained(link));
	if (whole)
		redis_hearing_begin(hearing, link->context->fd);
	for (;;) {
		int ready = poll(fds, 2, PING_MS);

		if (ready < 0 && errno != EINTR)
			return false;
		if (ready <= 0) {
			if (ready == 0 && is_silent(link, &asked))
				return false;
			continue;
		}
		if (fds[0].revents)
			return true;
		asked = false;
		if (!take_news(watch, link))
			return false;
	}
}

static int subscribe(struct watch *watch, struct redis_link **out, bool *whole)
{
	const struct redis_address *address = &watch->redis->address;
	struct redis_link *link = NULL;
	char why[WHY_SIZE] = "";
	int rc =
	    redis_link_open(address, redis_clock_ms() + CONNECT_MS, &link, why);

	if (rc == 0)
		rc = redis_watch_subscribe(link, address->db, watch->rows,
		                           whole);
	if (rc) {
		redis_link_close(link);
		return rc;
	}
	*out = link;
	return 0;
}

static void say_unable(struct watch *watch)
{
	if (!watch->said_unable)
		log_info("redis: the server tells nobody of changes: those of "
		         "others are seen a second later");
	watch->said_unable = true;
}

static void *run(void *arg)
{
	struct watch *watch = arg;
	int wait = WAIT_LEAST_MS;
	bool stop = false;

	while (!stop) {
		struct redis_link *link = NULL;
		bool whole = false;
		int rc = subscribe(watch, &link, &whole);

		if (rc == 0) {
			wait = WAIT_LEAST_MS;
			tell(watch, whole ? WATCH_BEGINS : WATCH_ANY);
			stop = listen_to(watch, link, whole);
			redis_hearing_end(&watch->redis->hearing);
			redis_link_close(link);
			tell(watch, WATCH_ENDS);
		} else if (rc == -EOPNOTSUPP) {
			say_unable(watch);
			wait = WAIT_UNABLE_MS;
		}
		stop = stop || wait_for_stop(watch, wait);
		wait = wait < WAIT_MOST_MS ? 2 * wait : WAIT_MOST_MS;
	}
	return NULL;
}

static void release(struct watch *watch)
{
	if (watch->stop_fd >= 0)
		close(watch->stop_fd);
	free(watch);
}

static int redis_watch_start(struct store *store, const struct collection *rows,
                             watch_fn *fn, void *arg, struct watch **out)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int rc;

	if (!watch)
		return -ENOMEM;
	watch->redis = redis_store_of(store);
	watch->rows = rows;
	watch->fn = fn;
	watch->arg = arg;
	watch->stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = watch->stop_fd < 0 ? errno : 0;
	if (rc == 0)
		rc = pthread_create(&watch->thread, NULL, run, watch);
	if (rc) {
		release(watch);
		return -rc;
	}
	*out = watch;
	return 0;
}

static void redis_watch_stop(struct watch *watch)
{
	if (!watch)
		return;
	eventfd_write(watch->stop_fd, 1);
	pthread_join(watch->thread, NULL);
	release(watch);
}

const struct watch_ops redis_watch_ops = {
	.start = redis_watch_start,
	.stop = redis_watch_stop,
	.look = redis_get_briefly,
};
