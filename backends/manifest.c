/* SPDX-License-Identifier: MIT */
#include "backends/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/json.h"

#define LIMIT ((size_t)16 << 20)
#define LATEST 253402300800.0 /* the year 10000 */

bool manifest_is_backup(const char *name)
{
	return strlen(name) == 16 && strspn(name, "0123456789") == 8 &&
	       name[8] == 'T' && strspn(name + 9, "0123456789") == 6 &&
	       name[15] == 'Z';
}

static int refuse(char why[WHY_SIZE], const char *directory, const char *name,
                  const char *reason)
{
	snprintf(why, WHY_SIZE, "%.120s/%s: %.100s", directory, name, reason);
	return -EINVAL;
}

static int read_file(int fd, struct blob *out)
{
	char buffer[16384];
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read(fd, buffer, sizeof(buffer))) != 0)
		rc = n < 0               ? -errno
		     : out->size > LIMIT ? -EFBIG
		                         : blob_append(out, buffer, (size_t)n);
	return rc;
}

static int read_text(const char *directory, const char *name, struct blob *out)
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", directory, name);
	int fd = -1;

	if (rc == 0) {
		fd = open(path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		rc = fd < 0 ? -errno : read_file(fd, out);
	}
	if (rc == 0)
		rc = blob_append(out, "", 1); /* so that it is a string */
	if (fd >= 0)
		close(fd);
	blob_release(&path);
	return rc;
}

static const char *text_of(const struct value *dict, const char *name)
{
	const struct value *text = value_dict_get(dict, name);

	return text && text->type == VALUE_TEXT ? text->text.data : NULL;
}

static bool number_of(const struct value *dict, const char *name, double *out)
{
	const struct value *number = value_dict_get(dict, name);

	return number && value_to_double(number, out) == 0;
}

/* NaN is none. */
static bool time_of(const struct value *dict, const char *name, double *out)
{
	return number_of(dict, name, out) && *out >= 0 && *out < LATEST;
}

static bool is_size(const struct value *dict, const char *name)
{
	const struct value *number = value_dict_get(dict, name);
	int64_t size;

	return number && value_to_int(number, &size) == 0 && size >= 0;
}

/* Names from a file are not trusted: none leads out of the backup, and no
 * place, unless it is absolute, out of the store. */
static bool is_sound_file(const struct value *file)
{
	const char *name;
	const char *place;

	if (file->type != VALUE_DICT)
		return false;
	name = text_of(file, "name");
	place = text_of(file, "place");
	return name && place && text_of(file, "xxh3") && name[0] && place[0] &&
	       !strchr(name, '/') && !strstr(name, "..") &&
	       !strstr(place, "..") && is_size(file, "size") &&
	       (!value_dict_get(file, "stored") || is_size(file, "stored"));
}

static bool are_sound_files(const struct value *files)
{
	if (!files || files->type != VALUE_LIST)
		return false;
	for (size_t i = 0; i < files->list.count; i++)
		if (!is_sound_file(files->list.items[i]))
			return false;
	return true;
}

static bool is_text_list(const struct value *list)
{
	if (list->type != VALUE_LIST)
		return false;
	for (size_t i = 0; i < list->list.count; i++)
		if (list->list.items[i]->type != VALUE_TEXT)
			return false;
	return true;
}

static bool understand_compression(struct manifest *out)
{
	const struct value *value = value_dict_get(out->dict, "compression");
	const char *name = text_of(out->dict, "compression");

	out->compressed = name && strcmp(name, "zstd") == 0;
	return !value || out->compressed || (name && strcmp(name, "none") == 0);
}

static bool understand_encryption(struct manifest *out)
{
	const struct value *value = value_dict_get(out->dict, "encryption");
	const char *method;

	if (!value || value->type == VALUE_NULL)
		return true;
	if (value->type != VALUE_DICT)
		return false;
	method = text_of(value, "method");
	out->key = text_of(value, "key");
	return out->key && method && strcmp(method, MANIFEST_METHOD) == 0;
}

static bool understand_times(struct manifest *out)
{
	if (!time_of(out->dict, "created_at", &out->created))
		return false;
	out->begun = out->created;
	return !value_dict_get(out->dict, "begun_at") ||
	       time_of(out->dict, "begun_at", &out->begun);
}

static bool understand(struct manifest *out)
{
	const struct value *dict = out->dict;
	double format;

	if (dict->type != VALUE_DICT || !number_of(dict, "format", &format) ||
	    !(format >= 1 && format <= MANIFEST_FORMAT))
		return false;
	out->name = text_of(dict, "name");
	out->store = text_of(dict, "store");
	out->files = value_dict_get(dict, "files");
	out->schedules = value_dict_get(dict, "schedules");
	return out->name && manifest_is_backup(out->name) && out->store &&
	       are_sound_files(out->files) &&
	       (!out->schedules || is_text_list(out->schedules)) &&
	       understand_compression(out) && understand_encryption(out) &&
	       understand_times(out);
}

/* TEXT ends with a zero byte. */
static int check_seal(const char *directory, const struct manifest *manifest,
                      const struct blob *text, const struct seal_key *key,
                      char why[WHY_SIZE])
{
	struct blob seal = { 0 };
	char reason[WHY_SIZE];
	bool fits;

	if (strcmp(manifest->key, seal_key_id(key)) != 0) {
		snprintf(reason, sizeof(reason),
		         "encrypted with the key %.32s; this is the key %s",
		         manifest->key, seal_key_id(key));
		return refuse(why, directory, MANIFEST_NAME, reason);
	}
	fits = read_text(directory, MANIFEST_SEAL, &seal) == 0;
	if (fits) {
		seal.data[strcspn(seal.data, "\n")] = '\0';
		fits = seal_check(key, text->data, text->size - 1, seal.data);
	}
	blob_release(&seal);
	return fits ? 0
	            : refuse(why, directory, MANIFEST_NAME,
	                     "does not fit " MANIFEST_SEAL
	                     ": one of them was changed");
}

int manifest_read(const char *directory, const struct seal_key *key,
                  struct manifest *out, char why[WHY_SIZE])
{
	struct manifest manifest = { 0 };
	struct blob text = { 0 };
	char reason[WHY_SIZE] = "";
	int rc = read_text(directory, MANIFEST_NAME, &text);

	if (rc)
		refuse(why, directory, MANIFEST_NAME, strerror(-rc));
	else
		rc = json_parse(text.data, text.size - 1, JSON_ARRAYS_REFUSE,
		                &manifest.dict, reason);
	if (reason[0])
		refuse(why, directory, MANIFEST_NAME, reason);
	if (rc == 0 && !understand(&manifest))
		rc = refuse(why, directory, MANIFEST_NAME,
		            "no manifest of a backup, or of a newer engramfs");
	if (rc == 0 && key && manifest.key)
		rc = check_seal(directory, &manifest, &text, key, why);
	blob_release(&text);
	if (rc) {
		manifest_release(&manifest);
		return rc == -ENOMEM ? rc : -EINVAL;
	}
	*out = manifest;
	return 0;
}

void manifest_release(struct manifest *manifest)
{
	value_unref(manifest->dict);
	*manifest = (struct manifest){ 0 };
}

static int write_text(const char *directory, const char *name,
                      const void *bytes, size_t size)
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", directory, name);
	int fd = -1;

	if (rc == 0) {
		fd = open(path.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		          0600);
		rc = fd < 0 ? -errno : file_write_all(fd, bytes, size);
	}
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = -errno;
	blob_release(&path);
	return rc;
}

int manifest_write(const char *directory, const struct value *dict,
                   const struct seal_key *key)
{
	char mac[SEAL_MAC_SIZE + 1];
	struct blob text = { 0 };
	int rc = json_append(dict, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE, LIMIT,
	                     &text);

	if (rc == 0 && key) {
		seal_sign(key, text.data, text.size, mac);
		mac[SEAL_MAC_SIZE - 1] = '\n';
		rc = write_text(directory, MANIFEST_SEAL, mac, SEAL_MAC_SIZE);
	}
	if (rc == 0)
		rc = write_text(directory, MANIFEST_NAME, text.data, text.size);
	if (rc == 0)
		rc = file_sync(directory);
	blob_release(&text);
	return rc;
}

static uint64_t size_of(const struct value *file, const char *name)
{
	const struct value *number = value_dict_get(file, name);
	int64_t size = 0;

	if (number)
		(void)value_to_int(number, &size);
	return (uint64_t)size;
}

size_t manifest_count(const struct manifest *manifest)
{
	return manifest->files->list.count;
}

struct manifest_file manifest_file(const struct manifest *manifest, size_t i)
{
	const struct value *file = manifest->files->list.items[i];
	bool packed = value_dict_get(file, "stored") != NULL;
	const char *as_of = text_of(file, "as_of");

	return (struct manifest_file){
		.name = text_of(file, "name"),
		.place = text_of(file, "place"),
		.xxh3 = text_of(file, "xxh3"),
		.size = size_of(file, "size"),
		.stored = size_of(file, packed ? "stored" : "size"),
		.as_of = as_of ? strtoll(as_of, NULL, 10) : 0,
	};
}

uint64_t manifest_stored(const struct manifest *manifest)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < manifest_count(manifest); i++)
		bytes += manifest_file(manifest, i).stored;
	return bytes;
}

bool manifest_is_whole(const struct manifest *manifest, const char *directory)
{
	bool whole = true;

	for (size_t i = 0; whole && i < manifest_count(manifest); i++) {
		struct manifest_file file = manifest_file(manifest, i);
		struct blob path = { 0 };
		struct stat status;

		whole =
		    blob_printf(&path, "%s/%s", directory, file.name) == 0 &&
		    stat(path.data, &status) == 0 &&
		    (uint64_t)status.st_size == file.stored;
		blob_release(&path);
	}
	return whole;
}

/* The bytes in the backup are looked at, not what they mean. */
static int check_stored(const char *path, const struct parcel_form *how,
                        struct parcel *found)
{
	int rc = file_checksum(path, found->xxh3, &found->stored, how->step,
	                       how->arg);

	found->size = found->stored;
	return rc;
}

int manifest_unpack(const struct manifest *manifest, const char *directory,
                    const struct manifest_file *file,
                    const struct parcel_form *how, const char *to)
{
	struct parcel_form packing = *how;
	struct parcel found = { 0 };
	struct blob path = { 0 };
	struct blob label = { 0 };
	bool locked = manifest->key && !how->key;
	int rc = locked && to ? -EACCES : 0;

	if (rc == 0)
		rc = blob_printf(&path, "%s/%s", directory, file->name);
	if (rc == 0)
		rc = blob_printf(&label, "%s/%s", manifest->name, file->name);
	packing.compressed = manifest->compressed;
	packing.label = label.data;
	if (!manifest->key)
		packing.key = NULL;
	if (rc == 0)
		rc = locked ? check_stored(path.data, how, &found)
		            : parcel_read(path.data, to, &packing, file->size,
		                          &found);
	if (rc == 0 && (strcmp(found.xxh3, file->xxh3) != 0 ||
	                (!locked && found.size != file->size))) {
		rc = -EBADMSG;
		if (to)
			unlink(to);
	}
	blob_release(&label);
	blob_release(&path);
	return rc;
}
