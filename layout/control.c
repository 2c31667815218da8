/* SPDX-License-Identifier: MIT */
#include "layout/control.h"

#include "backends/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_LIMIT ((size_t)16 << 20) /* bytes of one control file */

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

static struct value *text(const char *string)
{
	return value_new_text(string, strlen(string));
}

/* {"state": "healthy", "detail": ..., "bytes_used": ...} */
static struct value *describe_backend(const struct stores *stores, size_t slot)
{
	struct backend_status status = { 0 };
	struct value *dict = value_new_dict();
	const char *detail = stores->slots[slot].why;

	if (stores->slots[slot].store) {
		stores->slots[slot].backend->status(stores->slots[slot].store,
		                                    &status);
		detail = status.detail;
	}
	if (!dict ||
	    add(dict, "state",
	        text(status.healthy ? "healthy" : "unavailable")) ||
	    add(dict, "detail", text(detail)) ||
	    add(dict, "bytes_used",
	        value_new_int((int64_t)status.bytes_used))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

static int render_status(const struct tree *tree, struct blob *out)
{
	const struct stores *stores = &tree->stores;
	struct value *status = value_new_dict();
	struct value *list = value_new_dict();
	int rc = status && list ? 0 : -ENOMEM;

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		rc = add(list, stores->slots[i].backend->name,
		         describe_backend(stores, i));
	if (rc == 0)
		rc = add(status, "store", text(stores->directory));
	if (rc == 0)
		rc = add(status, "pid", value_new_int(getpid()));
	if (rc == 0)
		rc = add(status, "mounted_at",
		         value_new_float((double)tree->since.tv_sec));
	if (rc == 0)
		rc = add(status, "backends", value_ref(list));
	if (rc == 0)
		rc = json_append(status, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 CONTROL_LIMIT, out);
	value_unref(list);
	value_unref(status);
	return rc;
}

static int render_config(const struct tree *tree, struct blob *out)
{
	return blob_append(out, tree->settings_text.data,
	                   tree->settings_text.size);
}

static int render_errors(const struct tree *tree, struct blob *out)
{
	char buffer[65536];
	int fd = openat(tree->spool.fd, "errors.jsonl",
	                O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && n > 0 && out->size < CONTROL_LIMIT) {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			rc = -errno;
		else
			rc = blob_append(out, buffer, (size_t)n);
	}
	close(fd);
	return rc;
}

const struct control_row control_rows[] = {
	{ "config.json", render_config },
	{ "errors.jsonl", render_errors },
	{ "status.json", render_status },
	{ 0 },
};

void control_find(const char *rest, struct node *node)
{
	node->kind = NODE_OTHER;
	if (rest[0] == '\0' || strcmp(rest, "rejected") == 0)
		node->kind = NODE_CONTROL_DIR;
	if (strncmp(rest, "rejected/", 9) == 0 && !strchr(rest + 9, '/'))
		node->kind = NODE_REJECTED;
	for (const struct control_row *row = control_rows; row->name; row++) {
		if (strcmp(rest, row->name) != 0)
			continue;
		node->kind = NODE_CONTROL;
		node->control = row;
	}
}
