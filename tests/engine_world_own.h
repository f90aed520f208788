/* Engine world, inside: what its parts share. A check that fails ends the test and names the seed to replay. */
#pragma once
#include <criterion/criterion.h>

#include "tests/engine_world.h"

#define HOLDS(world, condition)                                                                        \
	do {                                                                                           \
		if (!(condition))                                                                      \
			cr_assert(false, "not so: %s; replay with HALLMARK_SIM_SEED=%llu", #condition, \
				  (unsigned long long)(world)->seed);                                  \
	} while (0)

/* What a call's number decides: sizes mostly small, seldom over a packet of 32 KiB. */
struct plan {
	size_t request_bytes, reply_bytes;
	uint16_t status;
	bool audited, keyed;
	uint8_t halves;
	uint32_t requests, replies; /* messages of its streams */
	struct hm_id audit_id;
};

/* Whose messages: also the kind of bytes they are filled with. */
enum { OF_REQUEST = 1, OF_REPLY = 2, OF_REQUESTS = 3, OF_REPLIES = 4 };

struct plan world_plan(const struct world *world, uint32_t number);

/* world_message_bytes returns the size of a stream's nth message. */
size_t world_message_bytes(const struct world *world, uint32_t number, uint8_t kind, uint32_t nth);

void world_fill(uint32_t number, uint32_t kind, uint8_t *bytes, size_t size);
bool world_is_filled(uint32_t number, uint32_t kind, const uint8_t *bytes, size_t size);

/* world_end_call notes that a call ended on the client, the only time. */
void world_end_call(struct world *world, struct world_call *call);

/* world_job_of returns the job that serves an id, or NULL. */
struct world_job *world_job_of(struct world *world, uint32_t id);

/* world_stream_event takes DATA, END and WRITABLE of either end. */
void world_stream_event(struct world *world, enum hm_side at, const struct hm_event *event);

/* world_take_events takes the events of an end. A broken connection is lost. */
void world_take_events(struct world *world, enum hm_side at);

/* world_stream_is_done says whether an honest server would answer. */
bool world_stream_is_done(const struct world *world, const struct world_job *job);

/* world_go_on lets every stream's readers read and writers write what they may; world_check_ended finds no stream left. */
void world_go_on(struct world *world);
void world_check_ended(const struct world *world);
