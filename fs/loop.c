/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 314
#include "fs/loop.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct worker {
	struct loop *loop;
	pthread_t thread;
	struct worker *next;  /* of all */
	struct worker *below; /* of those that are parked */
	pthread_cond_t wake;
	bool parked;
	struct fuse_buf request;
};

struct loop {
	struct fuse_session *session;
	sem_t ended; /* somebody knows that the session is over */
	pthread_mutex_t lock;
	/* Under LOCK. */
	struct worker *workers;
	struct worker *top; /* parked last */
	int free_threads;   /* that may still be started */
	int readers;        /* wait for a request */
	bool stopping;
	int error;
};

static void *serve(void *arg);

/* Signals are for the main thread. */
static int start_thread(struct worker *worker)
{
	sigset_t signals;
	sigset_t before;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	rc = pthread_create(&worker->thread, NULL, serve, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static int add_worker_locked(struct loop *loop)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int rc = worker ? 0 : -ENOMEM;

	if (rc)
		return rc;
	worker->loop = loop;
	pthread_cond_init(&worker->wake, NULL);
	rc = start_thread(worker);
	if (rc) {
		pthread_cond_destroy(&worker->wake);
		free(worker);
		return rc;
	}
	worker->next = loop->workers;
	loop->workers = worker;
	loop->free_threads--;
	loop->readers++;
	return 0;
}

static void unpark_locked(struct loop *loop)
{
	struct worker *worker = loop->top;

	loop->top = worker->below;
	worker->parked = false;
	loop->readers++;
	pthread_cond_signal(&worker->wake);
}

/* The caller has a request to serve: somebody else is to read.  Where no
 * thread can be had, the requests wait for those that there are. */
static void leave_readers(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->readers--;
	if (loop->readers == 0 && loop->top)
		unpark_locked(loop);
	else if (loop->readers == 0 && loop->free_threads > 0 &&
	         !loop->stopping)
		(void)add_worker_locked(loop);
	pthread_mutex_unlock(&loop->lock);
}

/* Read again, now or when it is needed.  False: it is the end. */
static bool join_readers(struct worker *worker)
{
	struct loop *loop = worker->loop;
	bool more;

	pthread_mutex_lock(&loop->lock);
	if (loop->readers < LOOP_READERS) {
		loop->readers++;
	} else if (!loop->stopping) {
		worker->parked = true;
		worker->below = loop->top;
		loop->top = worker;
		while (worker->parked)
			pthread_cond_wait(&worker->wake, &loop->lock);
	}
	more = !loop->stopping;
	pthread_mutex_unlock(&loop->lock);
	return more;
}

/* Only here may the thread be cancelled. */
static int receive(struct worker *worker)
{
	int size;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	size =
	    fuse_session_receive_buf(worker->loop->session, &worker->request);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return size;
}

static void end(struct loop *loop, int error)
{
	pthread_mutex_lock(&loop->lock);
	if (error && !loop->error)
		loop->error = error;
	pthread_mutex_unlock(&loop->lock);
	fuse_session_exit(loop->session);
	sem_post(&loop->ended);
}

static void *serve(void *arg)
{
	struct worker *worker = arg;
	struct loop *loop = worker->loop;
	bool more = true;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (more && !fuse_session_exited(loop->session)) {
		int size = receive(worker);

		if (size == -EINTR)
			continue;
		if (size <= 0) {
			end(loop, size);
			break;
		}
		leave_readers(loop);
		fuse_session_process_buf(loop->session, &worker->request);
		more = join_readers(worker);
	}
	sem_post(&loop->ended);
	return NULL;
}

static void stop_workers(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stopping = true;
	while (loop->top)
		unpark_locked(loop);
	pthread_mutex_unlock(&loop->lock);
	/* No thread is started any more. */
	for (struct worker *worker = loop->workers; worker;
	     worker = worker->next)
		pthread_cancel(worker->thread);
	while (loop->workers) {
		struct worker *worker = loop->workers;

		pthread_join(worker->thread, NULL);
		loop->workers = worker->next;
		pthread_cond_destroy(&worker->wake);
		free(worker->request.mem);
		free(worker);
	}
}

int loop_run(struct fuse_session *session, int threads)
{
	struct loop loop = { .session = session, .free_threads = threads };
	int rc;

	pthread_mutex_init(&loop.lock, NULL);
	sem_init(&loop.ended, 0, 0);
	pthread_mutex_lock(&loop.lock);
	rc = add_worker_locked(&loop);
	pthread_mutex_unlock(&loop.lock);
	while (rc == 0 && !fuse_session_exited(session))
		sem_wait(&loop.ended); /* a signal ends it, too */
	stop_workers(&loop);
	fuse_session_reset(session);
	sem_destroy(&loop.ended);
	pthread_mutex_destroy(&loop.lock);
	return rc ? rc : loop.error;
}
