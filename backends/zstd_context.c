/* SPDX-License-Identifier: MIT */
#include "backends/zstd_context.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define MAX_IDLE 8
#define MAX_SIZE ((size_t)1 << 20) /* of one that is kept */

/* The library has no place for them, and whoever packs has none either. */
static struct {
	pthread_mutex_t lock;
	ZSTD_CCtx *packers[MAX_IDLE];
	ZSTD_DCtx *unpackers[MAX_IDLE];
	size_t packer_count;
	size_t unpacker_count;
} idle = { .lock = PTHREAD_MUTEX_INITIALIZER };

ZSTD_CCtx *zstd_context_take_packer(void)
{
	ZSTD_CCtx *context = NULL;

	pthread_mutex_lock(&idle.lock);
	if (idle.packer_count)
		context = idle.packers[--idle.packer_count];
	pthread_mutex_unlock(&idle.lock);
	return context ? context : ZSTD_createCCtx();
}

void zstd_context_give_packer(ZSTD_CCtx *context)
{
	bool kept = false;

	if (!context)
		return;
	if (ZSTD_sizeof_CCtx(context) <= MAX_SIZE) {
		ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
		pthread_mutex_lock(&idle.lock);
		kept = idle.packer_count < MAX_IDLE;
		if (kept)
			idle.packers[idle.packer_count++] = context;
		pthread_mutex_unlock(&idle.lock);
	}
	if (!kept)
		ZSTD_freeCCtx(context);
}

ZSTD_DCtx *zstd_context_take_unpacker(void)
{
	ZSTD_DCtx *context = NULL;

	pthread_mutex_lock(&idle.lock);
	if (idle.unpacker_count)
		context = idle.unpackers[--idle.unpacker_count];
	pthread_mutex_unlock(&idle.lock);
	return context ? context : ZSTD_createDCtx();
}

void zstd_context_give_unpacker(ZSTD_DCtx *context)
{
	bool kept = false;

	if (!context)
		return;
	if (ZSTD_sizeof_DCtx(context) <= MAX_SIZE) {
		ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
		pthread_mutex_lock(&idle.lock);
		kept = idle.unpacker_count < MAX_IDLE;
		if (kept)
			idle.unpackers[idle.unpacker_count++] = context;
		pthread_mutex_unlock(&idle.lock);
	}
	if (!kept)
		ZSTD_freeDCtx(context);
}
