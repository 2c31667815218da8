/* SPDX-License-Identifier: MIT */
/*
 * The sums are made in LANES lanes: word i goes to lane i % LANES.  After N
 * steps a lane has the sum of its words in `sum` and the sum of all the sums
 * on the way in `sums`; from these follow the two sums of all words in order.
 * Words are added up as they lie in memory: to swap the bytes of a word is to
 * multiply it by 256 modulo 65535, which can be done at the end.
 */
#include "backends/fletcher32.h"

#include <string.h>

#define LANES 8
#define MOST_STEPS 360 /* until a lane's `sums` may pass 32 bits */
#define MODULUS 65535

#define INLINE static inline __attribute__((always_inline))

typedef uint16_t words_t __attribute__((vector_size(LANES * 2)));
typedef uint32_t lanes_t __attribute__((vector_size(LANES * 4)));

struct sums {
	uint64_t first;  /* modulo MODULUS */
	uint64_t second; /* modulo MODULUS */
	bool any;        /* some word was not 0 */
};

/* FIRST and SECOND are those of COUNT further words. */
INLINE void add(struct sums *sums, uint64_t count, uint64_t first,
                uint64_t second)
{
	sums->second =
	    (sums->second + count % MODULUS * sums->first + second) % MODULUS;
	sums->any = sums->any || first != 0;
	sums->first = (sums->first + first) % MODULUS;
}

/* STEPS times LANES words, at most MOST_STEPS. */
INLINE void add_lanes(struct sums *sums, const unsigned char *bytes,
                      size_t steps)
{
	lanes_t sum = { 0 };
	lanes_t all = { 0 };
	uint64_t first = 0;
	uint64_t second = 0;

	for (size_t i = 0; i < steps; i++, bytes += LANES * 2) {
		words_t words;

		memcpy(&words, bytes, sizeof(words));
		sum += __builtin_convertvector(words, lanes_t);
		all += sum;
	}
	for (size_t i = 0; i < LANES; i++) {
		first += sum[i];
		second += (uint64_t)LANES * all[i] - i * sum[i];
	}
	add(sums, steps * LANES, first, second);
}

typedef void steps_fn(struct sums *sums, const unsigned char *bytes,
                      size_t steps);

static void add_steps(struct sums *sums, const unsigned char *bytes,
                      size_t steps)
{
	add_lanes(sums, bytes, steps);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
add_steps_avx2(struct sums *sums, const unsigned char *bytes, size_t steps)
{
	add_lanes(sums, bytes, steps);
}

static steps_fn *best_steps(void)
{
	return __builtin_cpu_supports("avx2") ? add_steps_avx2 : add_steps;
}
#else
static steps_fn *best_steps(void)
{
	return add_steps;
}
#endif

static uint64_t word_at(const unsigned char *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint32_t reduced(uint64_t sum, bool any)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	sum = sum * 256 % MODULUS;
#endif
	return (uint32_t)(sum == 0 && any ? MODULUS : sum);
}

uint32_t fletcher32(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	struct sums sums = { 0 };
	steps_fn *add_some = size >= LANES * 2 ? best_steps() : NULL;

	while (size >= LANES * 2) {
		size_t steps = size / (LANES * 2);

		if (steps > MOST_STEPS)
			steps = MOST_STEPS;
		add_some(&sums, at, steps);
		at += steps * LANES * 2;
		size -= steps * LANES * 2;
	}
	for (; size >= 2; size -= 2, at += 2)
		add(&sums, 1, word_at(at), word_at(at));
	if (size > 0) {
		unsigned char last[2] = { *at, 0 };

		add(&sums, 1, word_at(last), word_at(last));
	}
	return reduced(sums.second, sums.any) << 16 |
	       reduced(sums.first, sums.any);
}

bool fletcher32_matches(const void *bytes, size_t size, uint32_t stored)
{
	uint32_t sum = fletcher32(bytes, size);
	uint32_t swapped = (sum & 0x00ff00ffU) << 8 | (sum >> 8 & 0x00ff00ffU);

	return stored == sum || stored == swapped;
}
