/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/worker_peer.h"

#include "backends/worker_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNELS 8

/* In the place of worker_channel_receive; the linker knows (CMakeLists.txt). */
int __wrap_worker_channel_receive(struct worker_channel *channel,
                                  struct worker_frame *frame, struct blob *in,
                                  struct descriptors *files);
int __real_worker_channel_receive(struct worker_channel *channel,
                                  struct worker_frame *frame, struct blob *in,
                                  struct descriptors *files);

/* Stands for the process: worker_process.h. */
struct worker_process {
	struct worker_channel ends[CHANNELS]; /* the worker's ... */
	int fds[CHANNELS]; /* ... and the daemon's, of each channel */
	size_t count;
	bool ended;
};

/* What the program and the process have no other way to know. */
static struct {
	struct feed *feed;
	struct worker_process *process; /* the last that was started */
} input;

void worker_peer_feed(struct feed *feed)
{
	input.feed = feed;
}

int worker_program(int *out, char why[WHY_SIZE])
{
	(void)why;
	*out = -1;
	return 0;
}

int worker_process_start(int program, const char *name, const char *directory,
                         struct worker_process **out)
{
	(void)program;
	(void)name;
	(void)directory;
	input.process = *out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void worker_process_end(struct worker_process *process)
{
	process->ended = true;
}

void worker_process_kill(struct worker_process *process, const char *why)
{
	(void)why;
	process->ended = true;
}

void worker_process_free(struct worker_process *process)
{
	for (size_t i = 0; process && i < process->count; i++)
		worker_channel_close(&process->ends[i]);
	if (input.process == process)
		input.process = NULL;
	free(process);
}

bool worker_process_has_ended(struct worker_process *process)
{
	return process->ended;
}

bool worker_process_was_endless(struct worker_process *process)
{
	(void)process;
	return false;
}

pid_t worker_process_pid(const struct worker_process *process)
{
	(void)process;
	return 1;
}

int64_t worker_process_silence_ms(const struct worker_process *process)
{
	(void)process;
	return INT64_MAX / 2;
}

int64_t worker_now_ms(void)
{
	return 1;
}

static void send_frame(struct worker_channel *end, struct worker_frame frame)
{
	feed_check(worker_channel_send(end, frame, NULL) == 0);
}

static void send_opened(struct worker_channel *end)
{
	struct worker_call call = { .operation = WORKER_OPEN };
	struct wire wire;

	wire_write_to(&wire, &end->out);
	worker_wire_reply(&wire, &call);
	send_frame(end, (struct worker_frame){ .kind = WORKER_REPLY,
	                                       .operation = WORKER_OPEN });
}

static void send_next(struct feed *feed, struct worker_channel *end)
{
	struct worker_frame frame = {
		.kind = feed_byte(feed),
		.operation = feed_byte(feed),
		.value = feed_short(feed),
	};
	size_t size = feed_short(feed);

	if (size > feed->size)
		size = feed->size;
	feed_check(blob_set(&end->out, (const char *)feed->data, size) == 0);
	feed->data += size;
	feed->size -= size;
	send_frame(end, frame);
}

/* What the daemon has sent is not looked at. */
static void drain(const struct worker_channel *end)
{
	char bytes[4096];

	while (recv(end->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
}

int __wrap_worker_channel_receive(struct worker_channel *channel,
                                  struct worker_frame *frame, struct blob *in,
                                  struct descriptors *files)
{
	struct worker_process *process = input.process;
	size_t i = process->count - 1;
	struct worker_channel *end;

	/* The last one with that number: those before are closed. */
	while (process->fds[i] != channel->fd)
		i--;
	end = &process->ends[i];
	drain(end);
	if (i == 0)
		send_opened(end);
	else if (input.feed->size)
		send_next(input.feed, end);
	else
		shutdown(end->fd, SHUT_WR);
	return __real_worker_channel_receive(channel, frame, in, files);
}

int worker_process_connect(struct worker_process *process,
                           struct worker_channel *out)
{
	size_t i = process->count;
	struct descriptors other;

	if (process->ended || i == CHANNELS)
		return -EPIPE;
	feed_check(worker_channel_new(out, &other) == 0);
	feed_check(worker_channel_adopt(&other, &process->ends[i]) == 0);
	process->fds[i] = out->fd;
	process->count++;
	return 0;
}
