/* SPDX-License-Identifier: MIT */
#include "backends/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "backends/file.h"

#define FIRST_WORDS "engramfs-key 1 "
#define HEX_DIGITS (2 * crypto_kdf_KEYBYTES)
#define LINE_SIZE (sizeof(FIRST_WORDS) - 1 + HEX_DIGITS)
#define CONTEXT "engrambk" /* crypto_kdf_CONTEXTBYTES */

_Static_assert(sizeof(CONTEXT) - 1 == crypto_kdf_CONTEXTBYTES, "context");
_Static_assert(SEAL_STREAM_KEY_SIZE ==
                   crypto_secretstream_xchacha20poly1305_KEYBYTES,
               "stream key");
_Static_assert(SEAL_MAC_SIZE == 2 * crypto_auth_BYTES + 1, "signature");

/* What subkeys are for: their numbers. */
enum purpose {
	PURPOSE_STREAM = 1,
	PURPOSE_SIGN = 2,
	PURPOSE_ID = 3,
};

struct seal_key {
	unsigned char stream[SEAL_STREAM_KEY_SIZE];
	unsigned char sign[crypto_auth_KEYBYTES];
	char id[SEAL_ID_SIZE];
};

static int start_library(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

static void derive(const unsigned char *master, struct seal_key *key)
{
	unsigned char id[crypto_kdf_BYTES_MIN];

	crypto_kdf_derive_from_key(key->stream, sizeof(key->stream),
	                           PURPOSE_STREAM, CONTEXT, master);
	crypto_kdf_derive_from_key(key->sign, sizeof(key->sign), PURPOSE_SIGN,
	                           CONTEXT, master);
	crypto_kdf_derive_from_key(id, sizeof(id), PURPOSE_ID, CONTEXT, master);
	sodium_bin2hex(key->id, sizeof(key->id), id, (SEAL_ID_SIZE - 1) / 2);
}

static int write_key(int fd)
{
	unsigned char master[crypto_kdf_KEYBYTES];
	char line[LINE_SIZE + 2] = FIRST_WORDS;
	int rc;

	crypto_kdf_keygen(master);
	sodium_bin2hex(line + strlen(line), HEX_DIGITS + 1, master,
	               sizeof(master));
	line[LINE_SIZE] = '\n';
	rc = file_write_all(fd, line, LINE_SIZE + 1);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	sodium_memzero(line, sizeof(line));
	sodium_memzero(master, sizeof(master));
	return rc;
}

int seal_key_make(const char *path)
{
	int rc = start_library();
	int fd;

	if (rc)
		return rc;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	          0600);
	if (fd < 0)
		return -errno;
	rc = write_key(fd);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

static int refuse(char why[WHY_SIZE], const char *path, const char *reason)
{
	snprintf(why, WHY_SIZE, "%.150s: %s", path, reason);
	return -EINVAL;
}

/* Whoever can read the key can read the backups. */
static int check_mode(int fd, const char *path, char why[WHY_SIZE])
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return refuse(why, path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(why, path, "is no regular file");
	if (status.st_mode & 077)
		return refuse(why, path,
		              "other users may read this key (chmod 600)");
	return 0;
}

static int parse(const char *line, size_t size, unsigned char *master)
{
	size_t prefix = strlen(FIRST_WORDS);
	size_t length = 0;

	if (size < LINE_SIZE || size > LINE_SIZE + 1 ||
	    memcmp(line, FIRST_WORDS, prefix) != 0 ||
	    (size > LINE_SIZE && line[LINE_SIZE] != '\n'))
		return -EINVAL;
	return sodium_hex2bin(master, crypto_kdf_KEYBYTES, line + prefix,
	                      HEX_DIGITS, NULL, &length, NULL) == 0 &&
	               length == crypto_kdf_KEYBYTES
	           ? 0
	           : -EINVAL;
}

static int read_key(int fd, const char *path, struct seal_key *key,
                    char why[WHY_SIZE])
{
	unsigned char master[crypto_kdf_KEYBYTES];
	char line[LINE_SIZE + 2];
	ssize_t size;
	int rc = check_mode(fd, path, why);

	if (rc)
		return rc;
	size = read(fd, line, sizeof(line));
	if (size < 0)
		return refuse(why, path, strerror(errno));
	rc = parse(line, (size_t)size, master);
	if (rc == 0)
		derive(master, key);
	else
		refuse(why, path,
		       "holds no key (engramctl keygen FILE makes one)");
	sodium_memzero(line, sizeof(line));
	sodium_memzero(master, sizeof(master));
	return rc;
}

int seal_key_load(const char *path, struct seal_key **out, char why[WHY_SIZE])
{
	struct seal_key *key;
	int rc = start_library();
	int fd;

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return refuse(why, path, strerror(errno));
	key = sodium_malloc(sizeof(*key));
	rc = key ? read_key(fd, path, key, why) : -ENOMEM;
	close(fd);
	if (rc)
		seal_key_free(key);
	else
		*out = key;
	return rc;
}

void seal_key_free(struct seal_key *key)
{
	sodium_free(key); /* wipes it; takes NULL */
}

const char *seal_key_id(const struct seal_key *key)
{
	return key->id;
}

const unsigned char *seal_stream_key(const struct seal_key *key)
{
	return key->stream;
}

void seal_sign(const struct seal_key *key, const void *bytes, size_t size,
               char out[SEAL_MAC_SIZE])
{
	unsigned char mac[crypto_auth_BYTES];

	crypto_auth(mac, bytes, size, key->sign);
	sodium_bin2hex(out, SEAL_MAC_SIZE, mac, sizeof(mac));
}

bool seal_check(const struct seal_key *key, const void *bytes, size_t size,
                const char *mac)
{
	char expected[SEAL_MAC_SIZE];

	seal_sign(key, bytes, size, expected);
	return strlen(mac) == SEAL_MAC_SIZE - 1 &&
	       sodium_memcmp(mac, expected, SEAL_MAC_SIZE - 1) == 0;
}
