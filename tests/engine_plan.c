/* The die of an engine world, and what it decided for each call. */
#include <string.h>

#include "tests/engine_world_own.h"

/* splitmix64 */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t world_roll(struct world *world, uint32_t n)
{
	return (uint32_t)((mix(&world->die) >> 32) * n >> 32);
}

/* Half of all calls are unary. What is a stream has no message of its own in CALL or REPLY, but for a failure's. */
static void plan_streams(struct plan *plan, uint64_t bits, bool heavy)
{
	uint32_t most = heavy ? 40 : 12;

	plan->halves = bits & 1 ? 0 : bits & (HM_STREAM_REQUESTS | HM_STREAM_REPLIES);
	if (plan->halves & HM_STREAM_REQUESTS)
		plan->request_bytes = 0;
	if (plan->halves & HM_STREAM_REPLIES && !plan->status)
		plan->reply_bytes = 0;
	plan->requests = (uint32_t)(bits >> 8) % most;
	plan->replies = (uint32_t)(bits >> 32) % most;
}

struct plan world_plan(const struct world *world, uint32_t number)
{
	static const size_t most[8] = { 16, 64, 64, 200, 200, 1000, 5000, WORLD_REPLY_BYTES_MAX };
	uint64_t state = world->seed ^ (uint64_t)number << 32, bits = mix(&state);
	struct plan plan = { .status = bits & 3 ? 0 : bits >> 2 & 15,
			     .audited = bits >> 6 & 1,
			     .keyed = bits >> 7 & 1 };

	plan.request_bytes = mix(&state) % (most[world->heavy ? 7 : bits >> 8 & 7] + 1);
	plan.reply_bytes = mix(&state) % (most[world->heavy ? 7 : bits >> 11 & 7] + 1);
	memcpy(plan.audit_id.bytes, &state, sizeof state);
	plan_streams(&plan, mix(&state), world->heavy);
	return plan;
}

size_t world_message_bytes(const struct world *world, uint32_t number, uint8_t kind, uint32_t nth)
{
	static const size_t most[8] = { 0, 64, 64, 300, 300, 2000, 20000, WORLD_MESSAGE_BYTES_MAX };
	uint64_t state = world->seed ^ (uint64_t)number << 32 ^ (uint64_t)kind << 24 ^ nth, bits = mix(&state);

	return mix(&state) % (most[world->heavy ? 7 : bits & 7] + 1);
}

void world_fill(uint32_t number, uint32_t kind, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(number * 31 + i * 7 + i / 256 + kind);
}

bool world_is_filled(uint32_t number, uint32_t kind, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (uint8_t)(number * 31 + i * 7 + i / 256 + kind))
			return false;
	return true;
}
