/* SPDX-License-Identifier: MIT */
#include "fs/fs.h"

#include "fs/copier.h"
#include "fs/handle.h"
#include "layout/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A question that is none: errors.jsonl says why. */
static void note_question(struct fs *fs, const struct node *node)
{
	char why[WHY_SIZE] = "";

	if (question_explain(node, why))
		spool_error(&fs->tree.spool, node->path, "lookup", -EINVAL,
		            why);
}

/* The node at PATH, with its attributes if it exists. */
static int find_and_stat(struct fs *fs, const char *path, struct found *out,
                         struct glimpse *glimpse)
{
	struct found found = { 0 };
	int rc = node_find(&fs->tree, path, &found.node);

	if (rc)
		return rc;
	rc = glimpse_stat(&fs->tree, &found.node, &found.info, glimpse);
	if (rc == -EINVAL)
		note_question(fs, &found.node);
	if (rc) {
		node_release(&found.node);
		return rc;
	}
	*out = found;
	return 0;
}

int fs_look(struct fs *fs, const char *path, struct found *out,
            struct glimpse *glimpse)
{
	uint64_t stamp = inodes_stamp(&fs->inodes, path);
	int rc = find_and_stat(fs, path, out, glimpse);
	char *moved;

	out->stamp = stamp;
	if (rc != -ENOENT)
		return rc;
	moved = moved_find(&fs->moved, path);
	if (!moved)
		return rc;
	rc = find_and_stat(fs, moved, out, NULL);
	out->stamp = stamp;
	free(moved);
	return rc;
}

int fs_find(struct fs *fs, const char *path, struct found *out)
{
	return fs_look(fs, path, out, NULL);
}

static bool visit_size(struct handle *handle, void *arg)
{
	struct node_info *info = arg;

	return handle_shows_size(handle, &info->size);
}

static bool visit_info(struct handle *handle, void *arg)
{
	handle_info(handle, arg);
	return true;
}

/* A new file is in its handle alone: no backend need be asked for it. */
static bool visit_unborn(struct handle *handle, void *arg)
{
	return handle_is_unborn(handle) && visit_info(handle, arg);
}

int fs_find_unborn(struct fs *fs, const char *path, struct found *out)
{
	struct found found = { .unborn = true };
	int rc;

	if (!inodes_visit_path(&fs->inodes, path, visit_unborn, &found.info))
		return -ENOENT;
	rc = node_find(&fs->tree, path, &found.node);
	if (rc == 0)
		*out = found;
	return rc;
}

/* An open scratch file that became the record tells nothing of it. */
static bool visit_version(struct handle *handle, void *arg)
{
	return handle->fd < 0 && visit_info(handle, arg);
}

/* The open files of the node have what nobody else sees: a new file, or
 * another version than the record's. */
static bool only_handles_know(struct fs *fs, uint64_t id, struct found *out)
{
	bool aside = inodes_is_aside(&fs->inodes, id);

	out->unborn =
	    !aside && inodes_visit(&fs->inodes, id, visit_unborn, &out->info);
	return out->unborn ||
	       (aside &&
	        inodes_visit(&fs->inodes, id, visit_version, &out->info));
}

/* HANDLE reads another size than that of ARG, which gets its own. */
static bool visit_other_size(struct handle *handle, void *arg)
{
	struct node_info *info = arg;
	struct node_info own;
	uint64_t size;

	if (!handle->has_view || !node_is_part(&handle->node) ||
	    handle_shows_size(handle, &size))
		return false;
	handle_info(handle, &own);
	if (own.size == info->size)
		return false;
	*info = own;
	return true;
}

/* INFO is news of the file.  Who has its former version open, on the node ID,
 * keeps node and size, which the kernel would cut pages and mappings by; the
 * name leads to another node.  INFO is of the former version then. */
static bool keep_version(struct fs *fs, uint64_t id, struct node_info *info)
{
	if (!inodes_visit(&fs->inodes, id, visit_other_size, info))
		return false;
	inodes_set_aside(&fs->inodes, id);
	return true;
}

/* Of what is not found by its path, the open files of the node know, or those
 * of a node that had its name before. */
static int find_open(struct fs *fs, uint64_t id, const char *path, bool gone,
                     struct found *out)
{
	if (inodes_visit(&fs->inodes, id, visit_info, &out->info))
		return node_find(&fs->tree, path, &out->node);
	return gone ? -ENOENT : fs_find_unborn(fs, path, out);
}

int fs_find_id(struct fs *fs, uint64_t id, struct found *out)
{
	bool gone;
	char *path = inodes_path(&fs->inodes, id, &gone);
	int rc;

	if (!path)
		return -ENOMEM;
	*out = (struct found){ 0 };
	if (!gone && only_handles_know(fs, id, out)) {
		rc = node_find(&fs->tree, path, &out->node);
		free(path);
		return rc;
	}
	rc = gone ? -ENOENT : fs_find(fs, path, out);
	if (rc == 0 &&
	    !inodes_visit(&fs->inodes, id,
	                  out->info.unknown ? visit_info : visit_size,
	                  &out->info))
		keep_version(fs, id, &out->info);
	else if (rc == -ENOENT)
		rc = find_open(fs, id, path, gone, out);
	free(path);
	return rc;
}

char *fs_child_path(struct fs *fs, uint64_t id, const char *name, int *rc)
{
	bool gone;
	char *parent = inodes_path(&fs->inodes, id, &gone);
	size_t size;
	char *path;

	*rc = -ENOMEM;
	if (!parent)
		return NULL;
	size = strlen(parent) + strlen(name) + 2;
	path = malloc(size);
	if (path) {
		char *end = stpcpy(path, parent);

		if (parent[0])
			*end++ = '/';
		stpcpy(end, name);
	}
	free(parent);
	if (path && strlen(name) > 255)
		*rc = -ENAMETOOLONG;
	else if (path && gone)
		*rc = -ENOENT;
	else if (path)
		return path;
	free(path);
	return NULL;
}

void fs_fill_stat(const struct fs *fs, const char *path,
                  const struct node_info *info, struct stat *out)
{
	mode_t bits = S_ISDIR(info->mode) ? fs->directory_mode : fs->file_mode;

	if (S_ISLNK(info->mode))
		bits = 0777;
	else if (info->scratch && S_ISREG(info->mode))
		bits = info->mode & 07777;
	*out = (struct stat){
		.st_ino = path[0] ? inode_number(path) : FUSE_ROOT_ID,
		.st_mode = (info->mode & S_IFMT) | bits,
		.st_nlink = S_ISDIR(info->mode) ? 2 : 1,
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_size = (off_t)info->size,
		.st_blksize = FS_MAX_TRANSFER,
		.st_blocks = (blkcnt_t)((info->size + 511) / 512),
		.st_mtim = info->mtime,
		.st_atim = info->atime,
		.st_ctim = info->mtime,
	};
}

double fs_valid(const struct node_info *info)
{
	struct timespec now;
	double left;

	if (info->unknown)
		return 0;
	if (info->expires_ms == 0)
		return FS_VALID_SECONDS;
	clock_gettime(CLOCK_REALTIME, &now);
	left = (double)info->expires_ms / 1e3 -
	       ((double)now.tv_sec + (double)now.tv_nsec / 1e9);
	if (left < 0)
		return 0;
	return left < FS_VALID_SECONDS ? left : FS_VALID_SECONDS;
}

void fs_tell(struct fs *fs, uint64_t id, const struct found *found,
             double seconds)
{
	if (node_is_part(&found->node) && !found->info.scratch)
		inodes_tell(&fs->inodes, id, found->stamp, &found->info,
		            seconds);
}

bool fs_told(struct fs *fs, uint64_t id, const char *path, struct found *out,
             double *seconds)
{
	*out = (struct found){ 0 };
	*seconds = inodes_told(&fs->inodes, id, &out->info);
	if (*seconds <= 0 || node_find(&fs->tree, path, &out->node))
		return false;
	inodes_visit(&fs->inodes, id, visit_size, &out->info);
	return true;
}

int fs_fill_entry(struct fs *fs, const char *path, const struct node_info *info,
                  struct fuse_entry_param *out)
{
	uint64_t known = inodes_known(&fs->inodes, path);
	struct node_info news = *info;

	*out = (struct fuse_entry_param){ 0 };
	if (known)
		keep_version(fs, known, &news);
	out->ino = inodes_lookup(&fs->inodes, path);
	if (!out->ino)
		return -ENOMEM;
	inodes_tell_size(&fs->inodes, out->ino, info->size);
	herald_note(&fs->herald, path, info->expires_ms);
	out->attr_timeout = fs_valid(info);
	out->entry_timeout = out->attr_timeout;
	/* One that is begun may become a symlink to the record it begins. */
	if (info->scratch && S_ISREG(info->mode))
		out->entry_timeout = 0;
	fs_fill_stat(fs, path, info, &out->attr);
	return 0;
}

static void forget_path(struct fs *fs, const char *path, size_t size,
                        const char *suffix)
{
	struct blob name = { 0 };

	if (blob_printf(&name, "%.*s%s", (int)size, path, suffix) == 0)
		notify_attributes(fs, name.data);
	blob_release(&name);
}

/* A relationship's link and its JSON file. */
static void forget_link(struct fs *fs, const char *path)
{
	size_t size = strlen(path);
	size_t tail = strlen(".json");

	forget_path(fs, path, size, "");
	forget_path(fs, path, size, ".json");
	if (size > tail)
		forget_path(fs, path, size - tail, "");
}

void fs_forget_attributes(struct fs *fs, const struct node *node)
{
	const char *slash = strrchr(node->path, '/');
	const char *dot = strrchr(node->path, '.');
	const char *collection = node->collection->path;
	const char *stem = node->path + strlen(collection) + 1;
	size_t stem_end = strlen(collection) + 1 + strcspn(stem, "/");

	/* "wm/a.npy" -> "wm/a.json"; "episodes/4/x.npy" -> "episodes/4.json";
	 * "network_states/s/weights.npy" -> "network_states/s/metadata.json" */
	forget_path(fs, node->path, strlen(node->path), "");
	if (node->path[stem_end] == '\0' && dot)
		stem_end = (size_t)(dot - node->path);
	if (node->kind == NODE_LINK || node->kind == NODE_LINK_FIELDS)
		forget_link(fs, node->path);
	for (const struct node_suffix *row = node_suffixes; row->suffix; row++)
		if (strcmp(node->path + stem_end, row->suffix) != 0)
			forget_path(fs, node->path, stem_end, row->suffix);
	if (slash)
		forget_path(fs, node->path, (size_t)(slash - node->path),
		            "/metadata.json");
}

void fs_forget_fields(const struct collection *collection, struct key key,
                      void *arg)
{
	struct blob path = { 0 };
	struct node node = { .kind = NODE_FIELDS, .collection = collection };
	int rc = blob_printf(&path, "%s/", collection->path);

	if (rc == 0)
		rc = node_part_name(key, ".json", &path);
	node.path = path.data;
	if (rc == 0) /* else the kernel forgets by itself a second later */
		fs_forget_attributes(arg, &node);
	blob_release(&path);
}

void fs_note_access(struct fs *fs, const struct handle *handle, pid_t pid)
{
	if (fs->accesses && handle->has_view &&
	    handle->node.kind == NODE_ARRAY &&
	    handle->node.collection->access_count &&
	    (handle->flags & O_ACCMODE) == O_RDONLY && !copier_is(pid))
		accesses_note(fs->accesses, &handle->node);
}
