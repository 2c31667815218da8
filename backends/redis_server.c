/* SPDX-License-Identifier: MIT */
#include "backends/redis_server.h"

#include "backends/blob.h"
#include "backends/log.h"
#include "backends/redis_spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_WAIT_S 10
#define RESTART_MS 50       /* pause before a server that died is replaced */
#define RESTART_MAX_MS 5000 /* doubling up to this */
#define LOG_LIMIT ((off_t)1 << 20)

/* Bytes of keys and fields beside an array, and of the next rewrite. */
#define SPARE_ROOM ((uint64_t)256 << 10)

struct redis_server {
	int directory; /* STORE/redis, locked: one mount has it */
	int log;       /* the server inherits it, and the lock on it */
	char *program;
	struct blob socket;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* for everything below */
	pthread_cond_t changed;
	pid_t pid; /* 0: does not run */
	bool started;
	int error; /* of the first start */
	bool keep_alive;
	bool stopping;
	char why[WHY_SIZE];
};

static int open_directory(struct redis_server *server, const char *store,
                          char why[WHY_SIZE])
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/redis", store);

	if (rc)
		return rc;
	if (mkdir(path.data, 0700) && errno != EEXIST)
		rc = -errno;
	if (rc == 0) {
		server->directory = open(path.data, O_RDONLY | O_DIRECTORY |
		                                        O_NOFOLLOW | O_CLOEXEC);
		rc = server->directory < 0 ? -errno : 0;
	}
	if (rc == 0)
		rc =
		    blob_printf(&server->socket, "%s/" REDIS_SOCKET, path.data);
	if (rc)
		snprintf(why, WHY_SIZE, "%.180s: %s", path.data, strerror(-rc));
	blob_release(&path);
	return rc;
}

static int lock_directory(struct redis_server *server, const char *store,
                          char why[WHY_SIZE])
{
	if (fchmod(server->directory, 0700) == 0 &&
	    flock(server->directory, LOCK_EX | LOCK_NB) == 0)
		return 0;
	snprintf(why, WHY_SIZE, "%.180s/redis: %s", store,
	         errno == EWOULDBLOCK ? "another mount uses this store"
	                              : strerror(errno));
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static int open_log(struct redis_server *server, char why[WHY_SIZE])
{
	struct stat stat;

	server->log = openat(
	    server->directory, REDIS_LOG,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (server->log < 0 || fstat(server->log, &stat) ||
	    (stat.st_size > LOG_LIMIT && ftruncate(server->log, 0))) {
		snprintf(why, WHY_SIZE, REDIS_LOG ": %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* Wait until the server ends; it stays a zombie until the lock is held, so
 * that its number is nobody else's when redis_server_stop signals it. */
static void wait_for_end(struct redis_server *server, pid_t pid)
{
	siginfo_t info;
	int status = 0;
	int rc;

	do
		rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	while (rc && errno == EINTR);
	pthread_mutex_lock(&server->lock);
	waitpid(pid, &status, 0);
	server->pid = 0;
	snprintf(server->why, WHY_SIZE, "redis-server ended with %s %d",
	         WIFSIGNALED(status) ? "signal" : "status",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

/* Start the server.  The lock is held, so that stopping cannot miss it. */
static int spawn_locked(struct redis_server *server)
{
	int rc = redis_spawn(server->program, server->directory, server->log,
	                     &server->pid, server->why);

	if (!server->started)
		server->error = rc;
	else if (rc)
		log_error("redis: %s", server->why);
	server->started = true;
	pthread_cond_broadcast(&server->changed);
	return rc;
}

/* Wait before the next start.  False: there is none. */
static bool pause_locked(struct redis_server *server, int64_t ms)
{
	struct timespec until;
	int rc = 0;

	if (server->stopping || !server->keep_alive)
		return false;
	log_error("redis: %s, starting it again", server->why);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000L;
	until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!server->stopping && rc == 0)
		rc = pthread_cond_timedwait(&server->changed, &server->lock,
		                            &until);
	return !server->stopping;
}

/* The server's parent: it lives as long as the store, and the server as long
 * as this thread (PR_SET_PDEATHSIG). */
static void *watch(void *arg)
{
	struct redis_server *server = arg;
	int64_t pause = RESTART_MS;
	bool go_on = true;

	while (go_on) {
		time_t start = time(NULL);
		pid_t pid;

		pthread_mutex_lock(&server->lock);
		pid = spawn_locked(server) ? 0 : server->pid;
		pthread_mutex_unlock(&server->lock);
		if (pid)
			wait_for_end(server, pid);
		if (time(NULL) - start > RESTART_MAX_MS / 1000)
			pause = RESTART_MS;
		pthread_mutex_lock(&server->lock);
		go_on = pause_locked(server, pause);
		pthread_mutex_unlock(&server->lock);
		pause = pause * 2 < RESTART_MAX_MS ? pause * 2 : RESTART_MAX_MS;
	}
	return NULL;
}

static int start_thread(struct redis_server *server, char why[WHY_SIZE])
{
	int rc = -pthread_create(&server->thread, NULL, watch, server);

	if (rc)
		return rc;
	server->has_thread = true;
	pthread_mutex_lock(&server->lock);
	while (!server->started)
		pthread_cond_wait(&server->changed, &server->lock);
	rc = server->error;
	if (rc)
		snprintf(why, WHY_SIZE, "%s", server->why);
	pthread_mutex_unlock(&server->lock);
	return rc;
}

int redis_server_start(const char *store, const char *program,
                       struct redis_server **out, char why[WHY_SIZE])
{
	struct redis_server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		return -ENOMEM;
	server->directory = -1;
	server->log = -1;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	server->program = strdup(program);
	rc = server->program ? 0 : -ENOMEM;
	if (rc == 0)
		rc = open_directory(server, store, why);
	if (rc == 0)
		rc = lock_directory(server, store, why);
	if (rc == 0)
		rc = open_log(server, why);
	if (rc == 0)
		rc = redis_end_leftover(server->directory, server->log, why);
	if (rc == 0)
		rc = start_thread(server, why);
	if (rc)
		redis_server_stop(server);
	else
		*out = server;
	return rc;
}

static void end_process(struct redis_server *server)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_S;
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_cond_broadcast(&server->changed);
	if (server->pid) {
		kill(server->pid, SIGTERM);
		kill(server->pid, SIGCONT);
	}
	while (server->pid && rc == 0)
		rc = pthread_cond_timedwait(&server->changed, &server->lock,
		                            &until);
	if (server->pid) {
		log_error("redis: the server does not end, killing it");
		kill(server->pid, SIGKILL);
	}
	pthread_mutex_unlock(&server->lock);
	pthread_join(server->thread, NULL);
}

void redis_server_stop(struct redis_server *server)
{
	if (!server)
		return;
	if (server->has_thread) {
		end_process(server);
		unlinkat(server->directory, REDIS_SOCKET, 0);
	}
	if (server->log >= 0)
		close(server->log);
	if (server->directory >= 0)
		close(server->directory);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	blob_release(&server->socket);
	free(server->program);
	free(server);
}

const char *redis_server_socket(const struct redis_server *server)
{
	return server->socket.data;
}

int redis_server_check_room(const struct redis_server *server, uint64_t size)
{
	struct statvfs room;

	if (!server || fstatvfs(server->directory, &room) != 0)
		return 0;
	return (uint64_t)room.f_bavail * room.f_frsize < size + SPARE_ROOM
	           ? -ENOSPC
	           : 0;
}

void redis_server_keep_alive(struct redis_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->keep_alive = true;
	pthread_mutex_unlock(&server->lock);
}

bool redis_server_is_alive(struct redis_server *server, char why[WHY_SIZE])
{
	bool alive;

	pthread_mutex_lock(&server->lock);
	alive = server->pid || server->keep_alive;
	if (!alive)
		snprintf(why, WHY_SIZE, "%.160s; %s has more", server->why,
		         "redis/" REDIS_LOG);
	pthread_mutex_unlock(&server->lock);
	return alive;
}

static int sync_at(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fsync(fd))
		rc = -errno;
	close(fd);
	return rc;
}

/* Files that the server has replaced meanwhile are saved in what replaced
 * them. */
static int sync_files(int directory)
{
	struct dirent *entry;
	DIR *dir = fdopendir(directory);
	int rc = 0;

	if (!dir) {
		rc = -errno;
		close(directory);
		return rc;
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (entry->d_type != DT_DIR)
			rc = sync_at(dirfd(dir), entry->d_name);
	if (rc == 0 && fsync(dirfd(dir)))
		rc = -errno;
	closedir(dir);
	return rc;
}

int redis_server_sync(struct redis_server *server)
{
	int files = openat(server->directory, "appendonlydir",
	                   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (files >= 0)
		rc = sync_files(files);
	else
		rc = errno == ENOENT
		         ? sync_at(server->directory, "appendonly.aof")
		         : -errno;
	if (rc == 0 && fsync(server->directory))
		rc = -errno;
	if (rc)
		log_error("redis: cannot sync the store: %s", strerror(-rc));
	return rc;
}
