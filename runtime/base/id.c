/* Id: UUIDv7 from the wall clock, a counter and the kernel's random numbers. */
#include "base/id.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

/* Up to 256 bytes come from the kernel whole, whatever signals arrive: getrandom(2). */
enum { COUNTER_BITS = 12, RANDOM_POOL_BYTES = 256 };

/* The last (milliseconds << 12 | counter) handed out. */
static _Atomic uint64_t last_tick;

/* A tick greater than any before: the clock's, or the last one's successor when the clock has not moved on. */
static uint64_t next_tick(void)
{
	uint64_t now = (uint64_t)(hm_clock_wall_us() / HM_US_PER_MS) << COUNTER_BITS;
	uint64_t last = atomic_load_explicit(&last_tick, memory_order_relaxed), next;

	do
		next = now > last ? now : last + 1;
	while (!atomic_compare_exchange_weak_explicit(&last_tick, &last, next, memory_order_relaxed,
						      memory_order_relaxed));
	return next;
}

void hm_random(void *ret_bytes, size_t size)
{
	static _Thread_local struct {
		uint8_t bytes[RANDOM_POOL_BYTES];
		size_t left;
		pid_t owner;
	} pool;
	uint8_t *out = ret_bytes;

	while (size) {
		size_t part;

		if (!pool.left || pool.owner != getpid()) {
			if (getrandom(pool.bytes, sizeof pool.bytes, 0) != (ssize_t)sizeof pool.bytes)
				abort();
			pool.left = sizeof pool.bytes;
			pool.owner = getpid();
		}
		part = size < pool.left ? size : pool.left;
		memcpy(out, pool.bytes + sizeof pool.bytes - pool.left, part);
		explicit_bzero(pool.bytes + sizeof pool.bytes - pool.left, part);
		pool.left -= part;
		out += part;
		size -= part;
	}
}

struct hm_id hm_id_new(void)
{
	uint64_t tick = next_tick(), milliseconds = tick >> COUNTER_BITS;
	struct hm_id id;

	hm_random(id.bytes + 8, 8);
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(milliseconds >> (40 - 8 * i));
	id.bytes[6] = (uint8_t)(0x70 | (tick >> 8 & 0x0f));
	id.bytes[7] = (uint8_t)tick;
	id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
	return id;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool hm_id_parse(const char *text, struct hm_id *ret_id)
{
	struct hm_id id;
	const char *at = text;

	for (int i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
			return false;
		high = hex_value(at[0]);
		low = high < 0 ? -1 : hex_value(at[1]);
		if (low < 0)
			return false;
		id.bytes[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	if (*at)
		return false;
	*ret_id = id;
	return true;
}

void hm_id_format(const struct hm_id *id, char ret_text[HM_ID_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*ret_text++ = '-';
		*ret_text++ = digits[id->bytes[i] >> 4];
		*ret_text++ = digits[id->bytes[i] & 15];
	}
	*ret_text = '\0';
}

bool hm_id_is_zero(const struct hm_id *id)
{
	static const struct hm_id zero;

	return hm_id_equal(id, &zero);
}

bool hm_id_equal(const struct hm_id *a, const struct hm_id *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}
