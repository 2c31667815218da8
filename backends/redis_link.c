/* SPDX-License-Identifier: MIT */
#include "backends/redis_link.h"

#include "backends/log.h"
#include "backends/redis_resolve.h"
#include "backends/redis_tls.h"
#include "backends/redis_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_STEP_MS 50
/* The slowest link that large arrays are sent over, in bytes per ms. */
#define SLOWEST_LINK 100000

int64_t redis_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timeval milliseconds(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000,
		                 .tv_usec = ms % 1000 * 1000L };
}

/* In steps, so that most requests find the socket set already. */
static int patience(int64_t deadline)
{
	int64_t left = deadline - redis_clock_ms();

	return left < PATIENCE_STEP_MS
	           ? PATIENCE_STEP_MS
	           : (int)((left + PATIENCE_STEP_MS - 1) / PATIENCE_STEP_MS *
	                   PATIENCE_STEP_MS);
}

/* A socket address holds 107 bytes of path; a descriptor of the directory
 * makes any path short. */
static redisContext *connect_unix(const char *path, struct timeval patience)
{
	char shorter[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');
	redisContext *context = NULL;
	char *directory;
	int length;
	int fd;

	if (strlen(path) < sizeof(shorter))
		return redisConnectUnixWithTimeout(path, patience);
	directory = strndup(path, (size_t)(slash - path) + 1);
	if (!directory)
		return NULL;
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return NULL;
	length =
	    snprintf(shorter, sizeof(shorter), "/proc/self/fd/%d%s", fd, slash);
	if (length > 0 && (size_t)length < sizeof(shorter))
		context = redisConnectUnixWithTimeout(shorter, patience);
	else
		errno = ENAMETOOLONG;
	close(fd);
	return context;
}

static redisContext *connect_tcp(const struct redis_address *address,
                                 int patience_ms)
{
	char numeric[REDIS_RESOLVE_SIZE];
	int rc = redis_resolve(address->host, patience_ms, numeric);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	return redisConnectWithTimeout(numeric, address->port,
	                               milliseconds(patience_ms));
}

static int connect_server(const struct redis_address *address, int patience_ms,
                          redisContext **out, char why[WHY_SIZE])
{
	redisContext *context =
	    address->host[0] == '/'
		? connect_unix(address->host, milliseconds(patience_ms))
		: connect_tcp(address, patience_ms);

	if (!context) {
		snprintf(why, WHY_SIZE, "cannot reach %s: %s", address->host,
		         strerror(errno));
		return -EAGAIN;
	}
	if (context->err) {
		snprintf(why, WHY_SIZE, "cannot reach %s: %s", address->host,
		         context->errstr);
		redisFree(context);
		return -EAGAIN;
	}
	if (context->connection_type == REDIS_CONN_TCP)
		redisEnableKeepAlive(context);
	*out = context;
	return 0;
}

enum greeting {
	GREET_SELECT,
	GREET_EXPIRETIME,
	GREET_NAME,
	GREET_AUTH, /* only with a password */
};

/* SELECT is the first command that needs the password; PEXPIRETIME the first
 * that is refused while the server loads. */
static int judge_greeting(struct redis_link *link, struct redis_batch *batch,
                          size_t first)
{
	const redisReply *answer = batch->replies[first + GREET_SELECT];
	int rc = redis_reply_error(answer);

	if (rc) {
		snprintf(link->why, WHY_SIZE, "%s", answer->str);
		return rc == -EIO ? -EINVAL : rc;
	}
	answer = batch->replies[first + GREET_EXPIRETIME];
	link->knows_expiry = answer->type == REDIS_REPLY_INTEGER;
	rc = redis_reply_error(answer);
	if (rc != -EAGAIN)
		return 0;
	snprintf(link->why, WHY_SIZE, "%s", answer->str);
	return rc;
}

static int greet(struct redis_link *link, const struct redis_address *address)
{
	struct redis_batch batch = { 0 };
	size_t first = 0;
	int rc;

	if (address->password) {
		redis_batch_begin(&batch, 2);
		redis_batch_text(&batch, "AUTH");
		redis_batch_text(&batch, address->password);
		first = 1;
	}
	redis_batch_begin(&batch, 2);
	redis_batch_text(&batch, "SELECT");
	redis_batch_int(&batch, address->db);
	redis_batch_line(&batch, "PEXPIRETIME engramfs");
	redis_batch_line(&batch, "CLIENT SETNAME engramfs");
	rc = redis_link_run(link, &batch);
	if (rc == 0 && first && redis_reply_error(batch.replies[0])) {
		snprintf(link->why, WHY_SIZE, "%s", batch.replies[0]->str);
		rc = -EACCES;
	}
	if (rc == 0)
		rc = judge_greeting(link, &batch, first);
	redis_batch_release(&batch);
	return rc;
}

static int encrypt(struct redis_link *link, const struct redis_address *address,
                   char why[WHY_SIZE])
{
	char reason[WHY_SIZE] = "";
	int rc;

	if (!address->tls)
		return 0;
	/* The handshake is waited for as long as an answer. */
	link->patience_ms = patience(link->deadline);
	redisSetTimeout(link->context, milliseconds(link->patience_ms));
	rc =
	    redis_tls_start(address->tls, address->host, link->context, reason);
	link->encrypted = rc == 0;
	if (rc)
		snprintf(why, WHY_SIZE, "%.80s: %.160s", address->host, reason);
	return rc;
}

int redis_link_open(const struct redis_address *address, int64_t deadline,
                    struct redis_link **out, char why[WHY_SIZE])
{
	struct redis_link *link = calloc(1, sizeof(*link));
	int rc;

	if (!link)
		return -ENOMEM;
	link->deadline = deadline;
	rc = connect_server(address, patience(deadline), &link->context, why);
	if (rc)
		goto fail;
	redis_guard_reader(link->context->reader, &link->guard);
	rc = encrypt(link, address, why);
	if (rc)
		goto fail;
	rc = greet(link, address);
	if (rc) {
		snprintf(why, WHY_SIZE, "%.80s: %.160s", address->host,
		         link->why);
		goto fail;
	}
	*out = link;
	return 0;

fail:
	redis_link_close(link);
	return rc;
}

void redis_link_close(struct redis_link *link)
{
	if (!link)
		return;
	if (link->context)
		redisFree(link->context);
	free(link);
}

bool redis_link_is_alive(const struct redis_link *link)
{
	char byte;
	ssize_t size =
	    recv(link->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int receive(struct redis_link *link, struct redis_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		void *reply = NULL;

		if (redisGetReply(link->context, &reply) == REDIS_OK) {
			batch->replies[i] = reply;
			continue;
		}
		if (link->context->err == REDIS_ERR_OOM)
			return -ENOMEM;
		snprintf(link->why, WHY_SIZE, "%s",
		         link->context->err == REDIS_ERR_IO && errno == EAGAIN
		             ? "no answer"
		             : link->context->errstr);
		return -EAGAIN;
	}
	return 0;
}

static void set_patience(struct redis_link *link,
                         const struct redis_batch *batch)
{
	int ms = patience(link->deadline) +
	         (int)(redis_batch_size(batch) / SLOWEST_LINK);

	if (ms != link->patience_ms)
		redisSetTimeout(link->context, milliseconds(ms));
	link->patience_ms = ms;
}

int redis_link_run(struct redis_link *link, struct redis_batch *batch)
{
	int rc = batch->error;

	if (rc)
		return rc;
	batch->replies = calloc(batch->count, sizeof(redisReply *));
	if (!batch->replies)
		return -ENOMEM;
	set_patience(link, batch);
	rc = redis_batch_send(batch, link);
	if (rc) {
		snprintf(link->why, WHY_SIZE, "%s", strerror(-rc));
		link->broken = true;
		return -EAGAIN;
	}
	rc = receive(link, batch);
	if (rc == 0)
		return 0;
	link->broken = true;
	return rc == -EAGAIN && batch->once ? -EIO : rc;
}

int redis_link_why(struct redis_link *link, const redisReply *reply)
{
	int rc = redis_reply_error(reply);

	if (rc)
		snprintf(link->why, WHY_SIZE, "%s",
		         reply ? reply->str : "no reply");
	return rc;
}

int redis_link_check(struct redis_link *link, const redisReply *reply)
{
	int rc = redis_link_why(link, reply);

	if (rc && rc != -EAGAIN && rc != -EINVAL)
		log_error("redis: %s", link->why);
	return rc;
}
