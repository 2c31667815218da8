/* SPDX-License-Identifier: MIT */
/*
 * A block is 16 elements of 2^k bytes: 2^k registers.  Number its bytes by k
 * bits for the place in the element and 4 for the element.  To interleave the
 * first half of all registers with the second one rotates this number by one
 * bit; so k times turn planes into elements, and 4 times elements into planes.
 */
#include "backends/shuffle.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 16  /* elements */
#define TILE 1024 /* elements that are moved together, plane by plane */
#define MOST_REGISTERS 16

/* Elements FROM and on, one by one. */
static void shuffle_rest(const unsigned char *in, size_t count, size_t element,
                         unsigned char *out, size_t from)
{
	for (size_t start = from; start < count; start += TILE) {
		size_t end = start + TILE < count ? start + TILE : count;

		for (size_t j = 0; j < element; j++)
			for (size_t i = start; i < end; i++)
				out[j * count + i] = in[i * element + j];
	}
}

static void unshuffle_rest(const unsigned char *in, size_t count,
                           size_t element, unsigned char *out, size_t from)
{
	for (size_t start = from; start < count; start += TILE) {
		size_t end = start + TILE < count ? start + TILE : count;

		for (size_t j = 0; j < element; j++)
			for (size_t i = start; i < end; i++)
				out[i * element + j] = in[j * count + i];
	}
}

#ifdef __SSE2__
#define INLINE static inline __attribute__((always_inline))

INLINE __m128i load(const unsigned char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

INLINE void store(unsigned char *at, __m128i value)
{
	_mm_storeu_si128((__m128i *)(void *)at, value);
}

INLINE void interleave(__m128i x[MOST_REGISTERS], size_t count, int times)
{
	__m128i y[MOST_REGISTERS];

#pragma GCC unroll 4
	for (int turn = 0; turn < times; turn++) {
#pragma GCC unroll 8
		for (size_t j = 0; j < count / 2; j++) {
			y[2 * j] = _mm_unpacklo_epi8(x[j], x[j + count / 2]);
			y[2 * j + 1] =
			    _mm_unpackhi_epi8(x[j], x[j + count / 2]);
		}
#pragma GCC unroll 16
		for (size_t j = 0; j < count; j++)
			x[j] = y[j];
	}
}

/* ELEMENT is 2^TIMES.  Return how many elements are done. */
INLINE size_t unshuffle_blocks(const unsigned char *in, size_t count,
                               size_t element, int times, unsigned char *out)
{
	size_t i = 0;

	for (; i + BLOCK <= count; i += BLOCK) {
		__m128i x[MOST_REGISTERS];

#pragma GCC unroll 16
		for (size_t j = 0; j < element; j++)
			x[j] = load(in + j * count + i);
		interleave(x, element, times);
#pragma GCC unroll 16
		for (size_t j = 0; j < element; j++)
			store(out + i * element + j * BLOCK, x[j]);
	}
	return i;
}

INLINE size_t shuffle_blocks(const unsigned char *in, size_t count,
                             size_t element, unsigned char *out)
{
	size_t i = 0;

	for (; i + BLOCK <= count; i += BLOCK) {
		__m128i x[MOST_REGISTERS];

#pragma GCC unroll 16
		for (size_t j = 0; j < element; j++)
			x[j] = load(in + i * element + j * BLOCK);
		interleave(x, element, 4);
#pragma GCC unroll 16
		for (size_t j = 0; j < element; j++)
			store(out + j * count + i, x[j]);
	}
	return i;
}

static size_t unshuffle_fast(const unsigned char *in, size_t count,
                             size_t element, unsigned char *out)
{
	switch (element) {
	case 2:
		return unshuffle_blocks(in, count, 2, 1, out);
	case 4:
		return unshuffle_blocks(in, count, 4, 2, out);
	case 8:
		return unshuffle_blocks(in, count, 8, 3, out);
	case 16:
		return unshuffle_blocks(in, count, 16, 4, out);
	default:
		return 0;
	}
}

static size_t shuffle_fast(const unsigned char *in, size_t count,
                           size_t element, unsigned char *out)
{
	switch (element) {
	case 2:
		return shuffle_blocks(in, count, 2, out);
	case 4:
		return shuffle_blocks(in, count, 4, out);
	case 8:
		return shuffle_blocks(in, count, 8, out);
	case 16:
		return shuffle_blocks(in, count, 16, out);
	default:
		return 0;
	}
}

#else

static size_t unshuffle_fast(const unsigned char *in, size_t count,
                             size_t element, unsigned char *out)
{
	(void)in;
	(void)count;
	(void)element;
	(void)out;
	return 0;
}

static size_t shuffle_fast(const unsigned char *in, size_t count,
                           size_t element, unsigned char *out)
{
	return unshuffle_fast(in, count, element, out);
}

#endif

/* Whole elements, where there is something to move. */
static size_t movable(size_t size, size_t element)
{
	size_t count = element > 1 ? size / element : 0;

	return count > 1 ? count : 0;
}

void shuffle_bytes(const void *in, size_t size, size_t element, void *out)
{
	size_t count = movable(size, element);
	size_t moved = count * element;
	size_t done = shuffle_fast(in, count, element, out);

	shuffle_rest(in, count, element, out, done);
	memcpy((char *)out + moved, (const char *)in + moved, size - moved);
}

void unshuffle_bytes(const void *in, size_t size, size_t element, void *out)
{
	size_t count = movable(size, element);
	size_t moved = count * element;
	size_t done = unshuffle_fast(in, count, element, out);

	unshuffle_rest(in, count, element, out, done);
	memcpy((char *)out + moved, (const char *)in + moved, size - moved);
}
