/* SPDX-License-Identifier: MIT */
#include "backends/worker.h"

#include "backends/log.h"
#include "backends/sandbox.h"
#include "backends/settings.h"
#include "backends/worker_process.h"
#include "backends/worker_run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the library may allocate beside the cache of chunks. */
#define MEMORY ((uint64_t)4 << 30)
/* Who goes first when the machine runs out of memory. */
#define OOM_SCORE "500"

/* A thread of the worker, and the channel that it serves. */
struct session {
	struct worker_server *server;
	struct worker_channel channel;
};

/* FILE: the next of those that came. */
static int map_bytes(struct worker_bytes *bytes,
                     const struct descriptors *files, size_t *file)
{
	char *map;

	if (*file == files->count || bytes->offset > SIZE_MAX - bytes->size)
		return -EPROTO;
	bytes->mapped = bytes->offset + bytes->size;
	map = mmap(NULL, bytes->mapped, PROT_READ, MAP_SHARED,
	           files->fds[(*file)++], 0);
	if (map == MAP_FAILED) {
		bytes->mapped = 0;
		return -errno;
	}
	bytes->bytes = map + bytes->offset;
	return 0;
}

static void unmap_bytes(const struct worker_bytes *bytes)
{
	const char *map = bytes->bytes;

	if (bytes->mapped)
		munmap((void *)(uintptr_t)(map - bytes->offset), bytes->mapped);
}

/* What came beside the message. */
static int take_bytes(struct worker_channel *channel, struct worker_call *call,
                      const struct descriptors *files)
{
	struct worker_bytes *elements = &call->elements;
	struct array *array = &call->room.array;
	size_t file = 0;
	int rc = 0;

	elements->bytes = channel->slot;
	if (elements->in_file)
		rc = map_bytes(elements, files, &file);
	else if (elements->size > WORKER_SLOT)
		rc = -EPROTO;
	if (rc == 0 && call->chunks.in_file)
		rc = map_bytes(&call->chunks, files, &file);
	if (rc || !call->change || !call->change->array)
		return rc;
	if (elements->size != array->info.nbytes)
		return -EPROTO;
	array->data = elements->bytes;
	if (call->packed) {
		call->packed->bytes = call->chunks.bytes;
		call->packed->size = call->chunks.size;
		array->packed = call->packed;
	}
	return 0;
}

static int read_request(struct session *session, struct worker_call *call,
                        const struct descriptors *files)
{
	struct worker_channel *channel = &session->channel;
	struct wire wire;
	int rc;

	wire_read_from(&wire, channel->in.data, channel->in.size);
	worker_wire_request(&wire, call);
	rc = wire_end(&wire);
	return rc ? rc : take_bytes(channel, call, files);
}

int worker_send_reply(struct worker_channel *channel, struct worker_call *call)
{
	const struct worker_frame frame = { .kind = WORKER_REPLY,
		                            .operation = call->operation };
	struct wire wire;

	channel->out.size = 0;
	wire_write_to(&wire, &channel->out);
	worker_wire_reply(&wire, call);
	if (wire.rc) { /* too much for a message, or for memory */
		call->rc = wire.rc;
		channel->out.size = 0;
		wire_write_to(&wire, &channel->out);
		worker_wire_reply(&wire, call);
	}
	return wire.rc ? wire.rc : worker_channel_send(channel, frame, NULL);
}

static int serve_call(struct session *session, const struct worker_frame *frame,
                      const struct descriptors *files)
{
	struct settings settings;
	struct worker_running running = { .server = session->server,
		                          .channel = &session->channel };
	struct worker_call call = { .operation = frame->operation,
		                    .known = session->server->known,
		                    .settings = &settings };
	int rc = settings_init(&settings);

	if (rc)
		return rc;
	rc = read_request(session, &call, files);
	if (rc == 0)
		worker_run(&running, &call);
	else
		call.rc = rc;
	rc = running.broken ? running.broken
	                    : worker_send_reply(&session->channel, &call);
	unmap_bytes(&call.elements);
	unmap_bytes(&call.chunks);
	worker_call_release(&call);
	settings_release(&settings);
	return rc;
}

static void count_session(struct worker_server *server, int change)
{
	pthread_mutex_lock(&server->lock);
	server->sessions += change;
	pthread_cond_signal(&server->ended);
	pthread_mutex_unlock(&server->lock);
}

static void *serve(void *arg)
{
	struct session *session = arg;
	struct worker_channel *channel = &session->channel;
	int rc = 0;

	while (rc == 0) {
		struct worker_frame frame;
		struct descriptors files;

		rc = worker_channel_receive(channel, &frame, &channel->in,
		                            &files);
		if (rc == 0 && (frame.kind != WORKER_REQUEST ||
		                frame.operation >= WORKER_OPERATIONS))
			rc = -EPROTO;
		if (rc == 0)
			rc = serve_call(session, &frame, &files);
		descriptors_close(&files);
	}
	worker_channel_close(channel);
	count_session(session->server, -1);
	free(session);
	return NULL;
}

/* Takes FILES over. */
static int start_session(struct worker_server *server,
                         struct descriptors *files)
{
	struct session *session = calloc(1, sizeof(*session));
	pthread_t thread;
	int rc;

	if (!session) {
		descriptors_close(files);
		return -ENOMEM;
	}
	session->server = server;
	rc = worker_channel_adopt(files, &session->channel);
	if (rc) {
		free(session);
		return rc;
	}
	count_session(server, 1);
	rc = -pthread_create(&thread, NULL, serve, session);
	if (rc) {
		count_session(server, -1);
		worker_channel_close(&session->channel);
		free(session);
		return rc;
	}
	pthread_detach(thread);
	return 0;
}

/* Only the daemon ends us; who sends signals to a group means the daemon. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE,
		                       SIGQUIT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

static void limit_resources(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, OOM_SCORE, sizeof(OOM_SCORE) - 1) < 0)
		log_debug("worker: oom_score_adj: %s", strerror(errno));
	close(fd);
}

void worker_limit_memory(uint64_t cache)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) == 0 &&
	    limit.rlim_cur > MEMORY + cache) {
		limit.rlim_cur = MEMORY + cache;
		setrlimit(RLIMIT_DATA, &limit);
	}
#else
	(void)cache;
#endif
}

/* Until the daemon closes its end: then it has ended, by whatever end. */
static int take_channels(struct worker_server *server)
{
	for (;;) {
		struct descriptors files;
		char byte;
		ssize_t got =
		    descriptors_receive(WORKER_SOCKET, &byte, 1, &files);
		int rc;

		if (got <= 0)
			return (int)got;
		if (files.count != 2) {
			descriptors_close(&files);
			return -EPROTO;
		}
		rc = start_session(server, &files);
		if (rc)
			log_error("worker: cannot serve: %s", strerror(-rc));
	}
}

/* As long as there is one thread.  Which files it may reach the daemon has
 * said: its children inherit that. */
static void give_up_rights(void)
{
	const struct sandbox_path files = { "/", SANDBOX_CHANGE };
	const struct sandbox_rules rules = { .kind = SANDBOX_WORKER,
		                             .paths = &files,
		                             .path_count = 1 };
	struct sandbox sandbox = { 0 };
	int rc;

	sandbox_forbid_core_dumps(&sandbox);
	rc = sandbox_enter(&rules, &sandbox);
	if (rc)
		log_warn("worker: cannot give up all rights: %s",
		         strerror(-rc));
}

static int start(struct worker_server *server)
{
	int rc = worker_collections_new(&server->known);

	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->ended, NULL);
	if (rc == 0)
		rc = worker_watch_new(&server->watch);
	if (rc == 0) {
		give_up_rights();
		rc = worker_watch_start(server->watch);
	}
	return rc;
}

/* The threads have seen that their channels are closed. */
static void end(struct worker_server *server)
{
	pthread_mutex_lock(&server->lock);
	while (server->sessions)
		pthread_cond_wait(&server->ended, &server->lock);
	pthread_mutex_unlock(&server->lock);
	pthread_cond_destroy(&server->ended);
	pthread_mutex_destroy(&server->lock);
	worker_collections_free(server->known);
	free(server);
}

static bool is_open(struct worker_server *server)
{
	bool open;

	pthread_mutex_lock(&server->lock);
	open = server->store != NULL;
	pthread_mutex_unlock(&server->lock);
	return open;
}

int worker_serve(void)
{
	struct worker_server *server = calloc(1, sizeof(*server));
	int rc = server ? 0 : -ENOMEM;

	ignore_signals();
	limit_resources();
	prctl(PR_SET_NAME, "engramfs-worker");
	if (chdir("/") < 0) /* keeps no file system busy */
		rc = -errno;
	if (rc == 0)
		rc = start(server);
	if (rc == 0)
		rc = take_channels(server);
	/* What is not closed is as after a crash: nothing is written any more. */
	if (rc || is_open(server))
		_exit(EXIT_FAILURE);
	end(server);
	return EXIT_SUCCESS;
}
