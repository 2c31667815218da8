/* SPDX-License-Identifier: MIT */
/* storage.yaml, then -o options and variables of the environment: each but the
 * file ends with a NUL, and variables have a '$' in front.  What is taken is
 * shown as JSON that reads, without the password. */
#include "tests/fuzz/feed.h"

#include "backends/json.h"
#include "fs/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WORDS 16
#define SECRET "s3cr3t-w0rd"

static char directory[] = "/dev/shm/engramfs-fuzz-XXXXXX";
static char path[64];

static void clean(void)
{
	unlink(path);
	rmdir(directory);
}

static void write_yaml(const struct blob *text)
{
	int fd;

	if (!path[0]) {
		feed_check(mkdtemp(directory) != NULL);
		snprintf(path, sizeof(path), "%s/" SETTINGS_FILE, directory);
		atexit(clean);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	feed_check(fd >= 0 &&
	           write(fd, text->data, text->size) == (ssize_t)text->size);
	close(fd);
}

/* Files that it names are those of the machine: none are read. */
static bool names_a_file(const char *word)
{
	return strcasestr(word, "password_file") != NULL;
}

static void check(const struct settings_sources *sources)
{
	struct settings settings;
	struct settings_origins origins;
	struct blob text = { 0 };
	struct value *value;
	char why[SETTINGS_WHY_SIZE] = "";
	int rc = settings_load(sources, &settings, &origins, why);

	feed_check(rc == 0 || (rc == -EINVAL && why[0]));
	if (rc)
		return;
	rc = settings_append_json(&settings, &origins, &text);
	feed_check(rc == 0 || rc == -EFBIG || rc == -EINVAL);
	if (rc == 0) {
		feed_check(!strstr(text.data, SECRET));
		feed_check(json_parse(text.data, text.size, JSON_ARRAYS_REFUSE,
		                      &value, why) == 0);
		value_unref(value);
	}
	blob_release(&text);
	settings_release(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct blob yaml = { 0 };
	struct blob words[WORDS] = { 0 };
	const char *options[WORDS];
	char secret[] = "REDIS_PASSWORD=" SECRET;
	char *variables[WORDS + 2] = { secret };
	size_t option_count = 0;
	size_t variable_count = 1;

	if (memmem(data, size, SECRET, strlen(SECRET)))
		return 0; /* it is not told from other words */
	feed_text(&feed, '\0', &yaml);
	for (size_t i = 0; i < WORDS && feed.size; i++) {
		feed_text(&feed, '\0', &words[i]);
		if (names_a_file(words[i].data))
			continue;
		if (words[i].data[0] == '$')
			variables[variable_count++] = words[i].data + 1;
		else
			options[option_count++] = words[i].data;
	}
	if (!names_a_file(yaml.data)) {
		const struct settings_sources sources = {
			.directory = directory,
			.environment = variables,
			.options = options,
			.option_count = option_count,
		};

		write_yaml(&yaml);
		check(&sources);
	}
	for (size_t i = 0; i < WORDS; i++)
		blob_release(&words[i]);
	blob_release(&yaml);
	return 0;
}
