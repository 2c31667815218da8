/* SPDX-License-Identifier: MIT */
/*
 * A kept modification time is an attribute of three int64: seconds, nanoseconds
 * and the bits of the record's timestamp at the time.  Programs that change a
 * record date it anew, and the kept time is void then.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/hdf5_attr.h"

static int64_t timestamp_bits(const struct collection *collection,
                              const struct value *fields)
{
	const struct value *value = NULL;
	double seconds = 0;
	int64_t bits;

	if (collection->timestamp && fields)
		value = value_dict_get(fields, collection->timestamp);
	if (value && value_to_double(value, &seconds) != 0)
		seconds = 0;
	memcpy(&bits, &seconds, sizeof(bits));
	return bits;
}

int hdf5_time_read(hid_t object, const char *name,
                   const struct collection *collection,
                   const struct value *fields, struct timespec *out)
{
	int64_t items[3];
	size_t count;
	int rc = hdf5_attr_read_ints(object, name, items, 3, &count);

	if (rc)
		return rc;
	if (count != 3 || items[1] < 0 || items[1] > 999999999 ||
	    items[2] != timestamp_bits(collection, fields))
		return -ENOENT;
	out->tv_sec = items[0];
	out->tv_nsec = items[1];
	return 0;
}

int hdf5_time_write(hid_t object, const char *name,
                    const struct collection *collection,
                    const struct value *fields, struct timespec time)
{
	const int64_t items[3] = { time.tv_sec, time.tv_nsec,
		                   timestamp_bits(collection, fields) };

	return hdf5_attr_write_ints(object, name, items, 3);
}
