/* SPDX-License-Identifier: MIT */
#include "fs/mount.h"

#include "backends/heaps.h"
#include "backends/history.h"
#include "backends/log.h"
#include "backends/pool.h"
#include "fs/daemon.h"
#include "fs/doors.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/loop.h"
#include "fs/mount_arguments.h"
#include "fs/mounter.h"
#include "fs/mountpoint.h"
#include "fs/ops.h"
#include "fs/restored.h"
#include "fs/settings.h"
#include "layout/answer.h"
#include "layout/backup.h"
#include "layout/backups.h"
#include "layout/complaint.h"
#include "layout/jobs.h"
#include "layout/outages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 16
#define SCRATCH_CLEAN_S 3600
#define LOCK_WAIT_MS 10000 /* for a daemon that is ending */

/* One mount, from its command line to its end. */
struct mount {
	const struct options *options;
	char store[PATH_MAX];
	char mountpoint[PATH_MAX];
	struct settings settings;
	struct settings_origins origins;
	struct daemon daemon;
	struct fuse_args arguments; /* for libfuse */
	struct mounter mounter;
	struct fs fs;
	bool has_spool;
	bool mounted;
};

static int load_settings(struct mount *mount)
{
	const struct options *options = mount->options;
	const struct settings_sources sources = {
		.directory = mount->store,
		.environment = environ,
		.options = (const char *const *)options->settings,
		.option_count = options->setting_count,
	};
	char why[SETTINGS_WHY_SIZE];
	int rc =
	    settings_load(&sources, &mount->settings, &mount->origins, why);

	if (rc) {
		fprintf(stderr, "engramfs: %s\n",
		        rc == -EINVAL ? why : strerror(-rc));
		return rc;
	}
	settings_hide_secrets(environ);
	mount->settings.read_only = options->read_only;
	return 0;
}

/* A daemon that is ending has taken its note back already: wait for it. */
static int open_spool(struct mount *mount)
{
	const struct timespec pause = { 0, 20000000 };
	struct blob where = { 0 };
	int rc;

	for (int waited = 0;; waited += 20) {
		blob_release(&where);
		rc = spool_open(mount->store, mount->options->read_only,
		                &mount->fs.tree.spool, &where);
		if (rc != -EBUSY || where.size || waited >= LOCK_WAIT_MS)
			break;
		nanosleep(&pause, NULL);
	}
	if (rc == -EBUSY)
		fprintf(stderr, "engramfs: %s: already mounted at %s\n",
		        mount->store,
		        where.size ? where.data : "another place");
	else if (rc)
		mountpoint_complain(mount->store,
		                    rc == -ENOSYS
		                        ? "openat2(2) is missing: Linux 5.6 "
		                          "or later is needed"
		                        : strerror(-rc));
	mount->has_spool = rc == 0;
	blob_release(&where);
	return rc;
}

static void set_owner(struct mount *mount)
{
	const struct options *options = mount->options;
	mode_t files = options->has_umask ? 0666 : 0600;
	mode_t directories = options->has_umask ? 0777 : 0700;

	mount->fs.uid = options->has_uid ? options->uid : geteuid();
	mount->fs.gid = options->has_gid ? options->gid : getegid();
	mount->fs.file_mode = files & ~(mode_t)options->umask;
	mount->fs.directory_mode = directories & ~(mode_t)options->umask;
}

static int open_tree(struct mount *mount)
{
	struct tree *tree = &mount->fs.tree;
	char why[WHY_SIZE] = "";
	int rc;

	clock_gettime(CLOCK_REALTIME, &tree->since);
	pthread_mutex_init(&tree->copies, NULL);
	tree->answers = answers_new();
	tree->complaints = complaints_new();
	quota_init(&tree->quota, &tree->spool, mount->settings.scratch_quota);
	if (pool_new(&tree->packers))
		tree->packers = NULL;
	moved_init(&mount->fs.moved);
	makers_init(&mount->fs.makers);
	absent_init(&mount->fs.absent);
	pthread_mutex_init(&mount->fs.directories_lock, NULL);
	sharing_init(&mount->fs.sharing);
	links_init(&mount->fs.links);
	passthrough_init(&mount->fs.passthrough,
	                 !mount->options->no_passthrough &&
	                     mount->settings.scratch_quota == 0);
	notify_init(&mount->fs);
	mount->fs.read_ahead.mountpoint = mount->mountpoint;
	mount->fs.read_ahead.bytes = mount->settings.read_ahead;
	set_owner(mount);
	rc = settings_append_json(&mount->settings, &mount->origins,
	                          &tree->settings_text);
	if (rc == 0)
		rc = inodes_init(&mount->fs.inodes);
	if (rc == 0)
		rc = jobs_new(&tree->jobs);
	if (rc)
		return mountpoint_complain("start", strerror(-rc));
	rc = backups_open(mount->store, &mount->settings, &tree->backups, why);
	if (rc)
		return mountpoint_complain("backup",
		                           why[0] ? why : strerror(-rc));
	rc = stores_open(mount->store, &mount->settings, &tree->stores, why);
	if (rc)
		mountpoint_complain(mount->store, why[0] ? why : strerror(-rc));
	if (rc == 0 && !mount->settings.read_only) {
		quota_clean(&tree->spool, time(NULL) - SCRATCH_AGE_S);
		rc = outages_open(tree);
		if (rc)
			mountpoint_complain("spool/outage", strerror(-rc));
	}
	return rc || mount->settings.read_only
	           ? rc
	           : restored_take_in(tree,
	                              mount->settings.backup.point_in_time);
}

static int start_session(struct mount *mount)
{
	struct fs *fs = &mount->fs;
	char device[32];
	int fd;
	int rc;

	fs->ready = daemon_ready;
	fs->ready_arg = &mount->daemon;
	fs->session = fuse_session_new(&mount->arguments, &fs_operations,
	                               sizeof(fs_operations), fs);
	if (!fs->session)
		return -EINVAL;
	if (fuse_set_signal_handlers(fs->session) != 0)
		return -EINVAL;
	rc = mounter_mount(&mount->mounter, &fd);
	if (rc)
		return rc;
	mount->mounted = true;
	snprintf(device, sizeof(device), "/dev/fd/%d", fd);
	return fuse_session_mount(fs->session, device) == 0 ? 0 : -EINVAL;
}

static void repeat_jobs(struct mount *mount)
{
	struct tree *tree = &mount->fs.tree;
	const struct job_task backup = { .command = "backup scheduled",
		                         .tree = tree,
		                         .run = backup_run_scheduled };
	const struct job_task clean = { .command = "cleanup scratch",
		                        .tree = tree,
		                        .run = quota_clean_job };

	if (mount->settings.read_only)
		return;
	jobs_plan(tree->jobs, &backup, backup_wait);
	jobs_repeat(tree->jobs, &clean, SCRATCH_CLEAN_S);
}

static int serve(struct mount *mount)
{
	struct fs *fs = &mount->fs;
	int rc;

	rc = spool_note_mount(&fs->tree.spool, mount->mountpoint);
	if (rc)
		log_warn("%s: cannot note where it is mounted: %s",
		         mount->store, strerror(-rc));
	rc = herald_start(&fs->herald, fs);
	if (rc == 0)
		changes_start(&fs->changes, fs);
	repeat_jobs(mount);
	if (rc == 0)
		rc = jobs_start(fs->tree.jobs);
	if (rc == 0 && options_count_accesses(mount->options))
		rc = accesses_start(&fs->tree.stores, fs_forget_fields, fs,
		                    &fs->accesses);
	if (rc)
		return rc;
	if (mount->options->single_thread)
		return fuse_session_loop(mount->fs.session);
	return loop_run(mount->fs.session, THREADS);
}

/* The connection is cut first: unmounting would wait for requests that nobody
 * answers any more.  Where somebody else has unmounted, another mount may be
 * in its place. */
static void unmount(struct mount *mount)
{
	int device = fuse_session_fd(mount->fs.session);
	struct pollfd look = { .fd = device };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool gone = poll(&look, 1, 0) == 1 && look.revents & POLLERR;
	int rc = 0;

	if (null < 0 || dup3(null, device, O_CLOEXEC) < 0)
		rc = -errno;
	else if (!gone)
		rc = mounter_unmount(&mount->mounter);
	if (rc)
		log_error("cannot unmount: %s", strerror(-rc));
	if (null >= 0)
		close(null);
}

/* Commits what open files hold, and unmounts: nothing is served after it. */
static void end_session(struct mount *mount)
{
	struct fs *fs = &mount->fs;

	if (!fs->session)
		return;
	spool_note_mount(&fs->tree.spool, "");
	accesses_stop(fs->accesses);
	notify_end(fs);
	if (mount->mounted)
		unmount(mount);
	changes_stop(&fs->changes);
	herald_stop(&fs->herald);
	fuse_remove_signal_handlers(fs->session);
	inodes_close_handles(&fs->inodes);
	directories_close(fs);
	fuse_session_destroy(fs->session);
}

static void close_all(struct mount *mount)
{
	struct fs *fs = &mount->fs;

	end_session(mount);
	herald_stop(&fs->herald);
	if (mount->has_spool) {
		jobs_free(fs->tree.jobs);
		stores_close(&fs->tree.stores);
		history_close(fs->tree.history);
		inodes_release(&fs->inodes);
		moved_release(&fs->moved);
		makers_release(&fs->makers);
		absent_release(&fs->absent);
		pthread_mutex_destroy(&fs->directories_lock);
		sharing_release(&fs->sharing);
		links_release(&fs->links);
		passthrough_release(&fs->passthrough);
		notify_release(fs);
		blob_release(&fs->tree.settings_text);
		answers_free(fs->tree.answers);
		complaints_free(fs->tree.complaints);
		quota_release(&fs->tree.quota);
		pool_free(fs->tree.packers);
		backups_close(fs->tree.backups);
		pthread_mutex_destroy(&fs->tree.copies);
		spool_close(&fs->tree.spool);
	}
	mounter_end(&mount->mounter);
	fuse_opt_free_args(&mount->arguments);
	settings_release(&mount->settings);
}

/* The helpers, of which each may do one thing; then the daemon may not. */
static int close_doors(struct mount *mount)
{
	bool confined = !mount->options->no_sandbox;
	int rc = herald_process_start(mount->mountpoint, confined,
	                              &mount->fs.herald.process);

	if (rc)
		log_warn("watchers are not told of what expires: %s",
		         strerror(-rc));
	rc = mount_arguments(mount->options, mount->store, &mount->arguments);
	if (rc == 0)
		rc = mounter_start(&mount->arguments, mount->mountpoint,
		                   &mount->mounter);
	if (rc)
		return mountpoint_complain("start", strerror(-rc));
	if (confined)
		doors_close(mount->store, &mount->settings,
		            &mount->fs.tree.sandbox);
	return 0;
}

/* In the process that serves. */
static int run(struct mount *mount)
{
	int rc = close_doors(mount);

	if (rc == 0)
		rc = open_spool(mount);
	if (rc == 0)
		rc = open_tree(mount);
	if (rc == 0)
		rc = start_session(mount);
	if (rc == 0) {
		log_info("%s: mounted at %s", mount->store, mount->mountpoint);
		/* A signal ends the loop with its number: a clean end too. */
		rc = serve(mount);
		rc = rc < 0 ? rc : 0;
	}
	close_all(mount);
	return rc ? 1 : 0;
}

int mount_run(const struct options *options)
{
	struct mount *mount = calloc(1, sizeof(*mount));
	int rc = mount ? 0 : -ENOMEM;

	if (rc)
		return 1;
	limit_heaps();
	mount->options = options;
	mount->daemon.pipe = -1;
	if (!options->core_dumps)
		sandbox_forbid_core_dumps(&mount->fs.tree.sandbox);
	rc = mountpoint_check_store(options, mount->store);
	if (rc == 0)
		rc = mountpoint_check(options, mount->store, mount->mountpoint);
	if (rc == 0)
		rc = load_settings(mount);
	if (rc == 0)
		rc = doors_check_links(mount->store, &mount->settings);
	if (rc == 0 && options->debug)
		log_set_level(LOG_LEVEL_DEBUG);
	if (rc == 0 && !options->foreground) {
		rc = daemon_start(&mount->daemon);
		if (rc)
			mountpoint_complain("background", strerror(-rc));
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN); /* TLS cannot be told not to send it */
	if (rc == 0)
		rc = run(mount);
	else
		settings_release(&mount->settings);
	free(mount);
	return rc ? 1 : 0;
}
