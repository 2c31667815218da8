/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_library.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backends/log.h"

/*
 * The library is one for the process, and so is its lock: a queue, because
 * whoever yields must not be the next to get in again.
 */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t next;
	unsigned int ticket;
	unsigned int serving;
	hid_t link_access;
	uint64_t failures;
	uint64_t unread;
} library = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, -1, 0, 0
};

/* NOLINTBEGIN(readability-*): the signature is the library's. */
static herr_t refuse_external_link(const char *parent_file,
                                   const char *parent_group,
                                   const char *child_file,
                                   const char *child_object, unsigned *flags,
                                   hid_t access, void *arg)
{
	(void)parent_file;
	(void)parent_group;
	(void)child_file;
	(void)child_object;
	(void)flags;
	(void)access;
	(void)arg;
	return -1;
}

/* NOLINTEND(readability-*) */

void hdf5_lock(void)
{
	unsigned int mine;

	pthread_mutex_lock(&library.mutex);
	mine = library.ticket++;
	while (mine != library.serving)
		pthread_cond_wait(&library.next, &library.mutex);
	pthread_mutex_unlock(&library.mutex);

	/* Its own end at exit crashes where a file could not be closed. */
	if (library.link_access < 0)
		H5dont_atexit();

	/* The library prints its errors, thread by thread, unless told. */
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	if (library.link_access < 0) {
		library.link_access = H5Pcreate(H5P_LINK_ACCESS);
		H5Pset_elink_cb(library.link_access, refuse_external_link,
		                NULL);
	}
}

void hdf5_unlock(void)
{
	pthread_mutex_lock(&library.mutex);
	library.serving++;
	pthread_cond_broadcast(&library.next);
	pthread_mutex_unlock(&library.mutex);
}

hid_t hdf5_link_access(void)
{
	return library.link_access;
}

void hdf5_close_id(hid_t id)
{
	if (id >= 0)
		H5Idec_ref(id);
}

static herr_t take_message(unsigned depth, const H5E_error2_t *error, void *arg)
{
	if (depth == 0)
		snprintf(arg, HDF5_MESSAGE_SIZE, "%s",
		         error->desc ? error->desc : "");
	return 0;
}

void hdf5_last_message(char why[HDF5_MESSAGE_SIZE])
{
	snprintf(why, HDF5_MESSAGE_SIZE, "unknown error");
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_message, why);
	for (char *at = why; *at; at++)
		if (*at == '\n')
			*at = ' ';
}

int hdf5_errno_of(const char *message)
{
	static const struct {
		const char *words;
		int rc;
	} table[] = {
		{ "unable to lock file, errno = 11,", -EAGAIN },
		{ "already open for read-only", -EAGAIN },
		{ "No space left", -ENOSPC },
		{ "quota exceeded", -ENOSPC },
		{ "Read-only file system", -EROFS },
		{ "Permission denied", -EACCES },
		{ "memory allocation failed", -ENOMEM },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strstr(message, table[i].words))
			return table[i].rc;
	return -EIO;
}

int hdf5_error(const char *what, const char *where)
{
	char why[HDF5_MESSAGE_SIZE];

	hdf5_last_message(why);
	log_error("hdf5: %s %s: %s", what, where, why);
	hdf5_note_failure();
	return hdf5_errno_of(why);
}

void hdf5_note_failure(void)
{
	library.failures++;
}

uint64_t hdf5_failures(void)
{
	return library.failures;
}

void hdf5_note_unread(void)
{
	library.unread++;
	hdf5_note_failure();
}

uint64_t hdf5_unread(void)
{
	return library.unread;
}

int hdf5_descriptor(hid_t file)
{
	void *handle = NULL;

	if (file < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 ||
	    !handle)
		return -1;
	return *(int *)handle;
}
