/* Witness: two a process, as a load is. */
#include "tests/bench/witness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/sleep.h"
#include "notes/v1/notes.hm.h"
#include "tests/bench/database.h"
#include "tests/bench/server.h"

enum { TARGET_BYTES = 300, PAUSE_MS = 2, PATIENCE_MS = 6000 };

struct witness {
	struct hm_channel *channel;
	struct hm_context *context;
	pthread_t thread;
	bool has_thread;
	struct seen seen;
};

static struct {
	struct witness witnesses[WITNESSES];
	char note_id[HM_ID_TEXT_BYTES];
	_Atomic bool is_stopping;
	pthread_mutex_t lock; /* of what was seen, and of the following */
	pthread_cond_t changed;
	int64_t since_us;
	struct hm_error failure; /* OK: none */
} world = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void take_in(struct seen *seen, bool is_served, int64_t begun_us)
{
	const int64_t now_us = hm_clock_mono_us();

	if (seen->refused_us) {
		seen->after_refusal++;
		seen->served_after_refusal += is_served;
	}
	if (is_served) {
		seen->served_begun_us = begun_us;
		seen->served_us = now_us;
	} else if (!seen->refused_us) {
		seen->refused_us = now_us;
	}
}

/* The user may do what is called, so where that is denied it is the brand that is refused: not known yet, or suspended. */
static bool call_once(struct witness *witness)
{
	const Notes__GetNoteRequest request = { NOTES_GET_NOTE_REQUEST_BASE, .id = world.note_id };
	const int64_t begun_us = hm_clock_mono_us();
	Notes__Note *note;
	hm_status status;
	bool has_failed;

	hm_context_reset(witness->context);
	status = notes_get_note(witness->channel, witness->context, &request, &note);
	has_failed = status != HM_OK && status != HM_PERMISSION_DENIED;
	pthread_mutex_lock(&world.lock);
	if (has_failed)
		world.failure = *hm_error_get();
	else if (begun_us > world.since_us)
		take_in(&witness->seen, status == HM_OK, begun_us);
	pthread_cond_broadcast(&world.changed);
	pthread_mutex_unlock(&world.lock);
	return !has_failed;
}

static void *call_on(void *witness)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000 * 1000 };

	while (!world.is_stopping && call_once(witness))
		nanosleep(&pause, NULL);
	return NULL;
}

static hm_status open_one(const char *url, const char *token, struct witness *witness)
{
	char target[TARGET_BYTES];

	snprintf(target, sizeof target, "%s;attempts=1", url);
	TRY(hm_channel_open_url(target, &witness->channel));
	TRY(hm_context_open(BENCH_BRAND, token, &witness->context));
	if (pthread_create(&witness->thread, NULL, call_on, witness))
		return hm_raise(RESOURCE_EXHAUSTED, "no thread for a caller");
	witness->has_thread = true;
	return HM_OK;
}

hm_status witnesses_open(const char *const urls[WITNESSES], const char *token)
{
	database_note_id(1, world.note_id);
	for (size_t i = 0; i < WITNESSES; i++)
		TRY(open_one(urls[i], token, &world.witnesses[i]));
	return HM_OK;
}

void witnesses_close(void)
{
	world.is_stopping = true;
	for (size_t i = 0; i < WITNESSES; i++) {
		struct witness *witness = &world.witnesses[i];

		if (witness->has_thread)
			pthread_join(witness->thread, NULL);
		hm_channel_close(witness->channel);
		hm_context_close(witness->context);
	}
}

int64_t witnesses_look_anew(void)
{
	int64_t since_us;

	pthread_mutex_lock(&world.lock);
	since_us = world.since_us = hm_clock_mono_us();
	for (size_t i = 0; i < WITNESSES; i++)
		world.witnesses[i].seen = (struct seen){ 0 };
	pthread_mutex_unlock(&world.lock);
	return since_us;
}

bool witness_was_served(const struct seen *seen)
{
	return seen->served_us;
}

bool witness_was_refused(const struct seen *seen)
{
	return seen->refused_us;
}

static bool all_saw(bool (*it)(const struct seen *seen))
{
	for (size_t i = 0; i < WITNESSES; i++)
		if (!it(&world.witnesses[i].seen))
			return false;
	return true;
}

hm_status witnesses_wait(bool (*it)(const struct seen *seen))
{
	const int64_t until_us = hm_clock_mono_us() + (int64_t)PATIENCE_MS * HM_US_PER_MS;
	hm_status status = HM_OK;

	pthread_mutex_lock(&world.lock);
	while (!world.failure.code && !all_saw(it) && hm_sleep_on(&world.changed, &world.lock, until_us))
		;
	if (world.failure.code)
		status = hm_error_set(&world.failure);
	else if (!all_saw(it))
		status = hm_raise(DEADLINE_EXCEEDED, "after %d ms a process still %s the brand", PATIENCE_MS,
				  it == witness_was_served ? "refuses" : "serves");
	pthread_mutex_unlock(&world.lock);
	return status;
}

void witnesses_tell(struct seen ret_seen[WITNESSES])
{
	pthread_mutex_lock(&world.lock);
	for (size_t i = 0; i < WITNESSES; i++)
		ret_seen[i] = world.witnesses[i].seen;
	pthread_mutex_unlock(&world.lock);
}
