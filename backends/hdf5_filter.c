/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/packed.h"

#define FILTER_LZF 32000
#define FILTER_ZSTD 32015
#define SZIP_BLOCK 8

struct hdf5_filter {
	const char *name;
	H5Z_filter_t id; /* 0: built in */
	int (*make_available)(void);
	int level; /* where the settings have none */
	/* NULL: no filters at all. */
	herr_t (*set)(hid_t list, unsigned int level, hid_t type,
	              uint64_t count);
	bool is_ours; /* chunk_filter.h has it, as */
	enum chunk_packer packer;
};

static herr_t set_gzip(hid_t list, unsigned int level, hid_t type,
                       uint64_t count)
{
	(void)type;
	(void)count;
	return H5Pset_deflate(list, level);
}

static herr_t set_lzf(hid_t list, unsigned int level, hid_t type,
                      uint64_t count)
{
	(void)level;
	(void)type;
	(void)count;
	return H5Pset_filter(list, FILTER_LZF, H5Z_FLAG_OPTIONAL, 0, NULL);
}

/* szip packs numbers, and blocks of them only. */
static herr_t set_szip(hid_t list, unsigned int level, hid_t type,
                       uint64_t count)
{
	H5T_class_t class = H5Tget_class(type);

	(void)level;
	if (count < SZIP_BLOCK || H5Tget_size(type) > 8 ||
	    (class != H5T_INTEGER && class != H5T_FLOAT))
		return 0;
	return H5Pset_szip(list, H5_SZIP_NN_OPTION_MASK, SZIP_BLOCK);
}

static herr_t set_zstd(hid_t list, unsigned int level, hid_t type,
                       uint64_t count)
{
	(void)type;
	(void)count;
	return H5Pset_filter(list, FILTER_ZSTD, H5Z_FLAG_OPTIONAL, 1, &level);
}

static const struct hdf5_filter filters[] = {
	{ "gzip", H5Z_FILTER_DEFLATE, NULL, 6, set_gzip, true, CHUNK_GZIP },
	{ "lzf", FILTER_LZF, hdf5_lzf_register, 0, set_lzf, true, CHUNK_LZF },
	{ "szip", H5Z_FILTER_SZIP, NULL, 0, set_szip, false, 0 },
	{ "zstd", FILTER_ZSTD, hdf5_zstd_register, 1, set_zstd, true,
	  CHUNK_ZSTD },
	{ "none", 0, NULL, 0, NULL, false, 0 },
	{ "auto", 0, NULL, 0, NULL, false, 0 },
};

static bool is_available(const struct hdf5_filter *filter)
{
	unsigned int flags = 0;

	if (filter->id == 0)
		return true;
	if (H5Zfilter_avail(filter->id) <= 0 && filter->make_available)
		filter->make_available();
	return H5Zfilter_avail(filter->id) > 0 &&
	       H5Zget_filter_info(filter->id, &flags) >= 0 &&
	       (flags & H5Z_FILTER_CONFIG_ENCODE_ENABLED);
}

void hdf5_filters_register(void)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		is_available(&filters[i]);
}

const struct hdf5_filter *hdf5_filter_find(const char *name, char why[WHY_SIZE])
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		if (strcmp(filters[i].name, name) != 0)
			continue;
		if (is_available(&filters[i]))
			return &filters[i];
		snprintf(why, WHY_SIZE,
		         "the compression '%s' needs a filter (%d) that "
		         "is not installed",
		         name, filters[i].id);
		return NULL;
	}
	snprintf(why, WHY_SIZE,
	         "unknown compression '%.40s': gzip, lzf, szip, zstd, "
	         "none or auto",
	         name);
	return NULL;
}

static const struct hdf5_filter *row_of(const char *name)
{
	const struct hdf5_filter *row = filters;

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

const struct hdf5_filter *hdf5_filter_for(const struct hdf5_filter *filter,
                                          uint64_t element, const void *data,
                                          uint64_t size)
{
	if (strcmp(filter->name, "auto") != 0)
		return filter;
	return row_of(hdf5_sample_choice(element, data, size));
}

const struct hdf5_filter *
hdf5_filter_of_packed(const struct hdf5_filter *filter,
                      const struct packed *packed)
{
	const struct chunk_pipeline *pipeline = &packed->plan.pipeline;

	if (strcmp(filter->name, "auto") != 0)
		return filter;
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		for (size_t j = 0; j < pipeline->count; j++)
			if (filters[i].is_ours &&
			    pipeline->steps[j].kind == STEP_PACK &&
			    pipeline->steps[j].packer == filters[i].packer)
				return &filters[i];
	return row_of("none");
}

static int level_of(const struct hdf5_filter *filter,
                    const struct hdf5_settings *settings)
{
	return settings->compression_opts_given ? settings->compression_opts
	                                        : filter->level;
}

int hdf5_filter_pipeline(const struct hdf5_filter *filter,
                         const struct hdf5_settings *settings, size_t element,
                         struct chunk_pipeline *out)
{
	if (!filter->is_ours)
		return -ENOTSUP;
	*out = (struct chunk_pipeline){
		.count = 3,
		.steps = { { .kind = STEP_SHUFFLE, .element = element },
		           { .kind = STEP_PACK,
		             .packer = filter->packer,
		             .level = level_of(filter, settings),
		             .optional = true },
		           { .kind = STEP_SUM } },
	};
	return 0;
}

int hdf5_filter_apply(const struct hdf5_filter *filter,
                      const struct hdf5_settings *settings, hid_t type,
                      uint64_t count, hid_t list)
{
	unsigned int level = (unsigned int)level_of(filter, settings);

	if (!filter->set)
		return 0;
	if (H5Pset_shuffle(list) < 0 ||
	    filter->set(list, level, type, count) < 0 ||
	    H5Pset_fletcher32(list) < 0)
		return hdf5_error("cannot use the compression", filter->name);
	return 0;
}
