/* Ejection: counting, and the two rules. */
#include "client/ejection.h"

#include <math.h>

#include "base/clock.h"

/* Envoy's and A50's defaults, but for the share of members, which is 10 % there. */
static const struct {
	uint32_t in_a_row;
	int64_t interval_us, base_us, max_us;
	uint32_t members_percent;
	uint32_t rate_members_min,
		rate_calls_min; /* places with so many calls in the interval are compared, if so many are */
	double rate_deviations;
} rules = {
	.in_a_row = 5,
	.interval_us = 10 * HM_US_PER_S,
	.base_us = 30 * HM_US_PER_S,
	.max_us = 300LL * HM_US_PER_S,
	.members_percent = 50,
	.rate_members_min = 5,
	.rate_calls_min = 100,
	.rate_deviations = 1.9,
};

void hm_ejector_init(struct hm_ejector *ejector)
{
	*ejector = (struct hm_ejector){ .sweep_us = INT64_MAX, .next_us = INT64_MAX };
}

void hm_ejector_add(struct hm_ejector *ejector, unsigned place)
{
	hm_places_add(&ejector->members, place);
	ejector->n_members++;
	ejector->records[place] = (struct hm_record){ 0 };
}

void hm_ejector_remove(struct hm_ejector *ejector, unsigned place)
{
	ejector->members.bits[place / 64] &= ~(UINT64_C(1) << place % 64);
	ejector->n_members--;
	ejector->n_ejected -= ejector->records[place].until_us != 0;
	ejector->records[place] = (struct hm_record){ 0 };
}

static bool eject(struct hm_ejector *ejector, unsigned place, int64_t now_us)
{
	struct hm_record *record = &ejector->records[place];
	int64_t time_us;

	if (record->until_us || (ejector->n_ejected + 1) * 100 > ejector->n_members * rules.members_percent)
		return false;
	ejector->n_ejected++;
	time_us = rules.base_us * ++record->times;
	record->until_us = now_us + (time_us < rules.max_us ? time_us : rules.max_us);
	record->in_a_row = 0;
	if (record->until_us < ejector->next_us)
		ejector->next_us = record->until_us;
	return true;
}

bool hm_ejector_note(struct hm_ejector *ejector, unsigned place, bool has_failed, int64_t now_us)
{
	struct hm_record *record = &ejector->records[place];

	if (ejector->sweep_us == INT64_MAX) {
		ejector->sweep_us = now_us + rules.interval_us;
		if (ejector->sweep_us < ejector->next_us)
			ejector->next_us = ejector->sweep_us;
	}
	record->ended++;
	record->failed += has_failed;
	record->in_a_row = has_failed ? record->in_a_row + 1 : 0;
	return record->in_a_row >= rules.in_a_row && eject(ejector, place, now_us);
}

static double rate_of(const struct hm_record *record)
{
	return (double)(record->ended - record->failed) / record->ended;
}

static bool is_compared(const struct hm_ejector *ejector, unsigned place)
{
	return hm_places_has(&ejector->members, place) && ejector->records[place].ended >= rules.rate_calls_min;
}

/* The rate below which a place is an outlier; below every rate if too few places have calls enough. */
static double least_rate(const struct hm_ejector *ejector)
{
	double sum = 0, squares = 0, mean;
	uint32_t count = 0;

	for (unsigned place = 0; place < HM_PLACES; place++)
		if (is_compared(ejector, place)) {
			double rate = rate_of(&ejector->records[place]);

			count++;
			sum += rate;
			squares += rate * rate;
		}
	if (count < rules.rate_members_min)
		return -1;
	mean = sum / count;
	return mean - rules.rate_deviations * sqrt(fmax(squares / count - mean * mean, 0));
}

static bool sweep(struct hm_ejector *ejector, int64_t now_us)
{
	double least = least_rate(ejector);
	bool has_changed = false;

	for (unsigned place = 0; place < HM_PLACES; place++) {
		struct hm_record *record = &ejector->records[place];
		bool is_outlier = is_compared(ejector, place) && rate_of(record) < least;

		if (is_outlier && eject(ejector, place, now_us))
			has_changed = true;
		else if (!record->until_us && record->times)
			record->times--;
		record->ended = record->failed = 0;
	}
	ejector->sweep_us = INT64_MAX;
	return has_changed;
}

static bool end_ejections(struct hm_ejector *ejector, int64_t now_us)
{
	bool has_changed = false;

	for (unsigned place = 0; place < HM_PLACES; place++) {
		struct hm_record *record = &ejector->records[place];

		if (!record->until_us || record->until_us > now_us)
			continue;
		record->until_us = 0;
		record->in_a_row = 0;
		ejector->n_ejected--;
		has_changed = true;
	}
	return has_changed;
}

static int64_t earliest_us(const struct hm_ejector *ejector)
{
	int64_t next_us = ejector->sweep_us;

	for (unsigned place = 0; place < HM_PLACES; place++) {
		int64_t until_us = ejector->records[place].until_us;

		if (until_us && until_us < next_us)
			next_us = until_us;
	}
	return next_us;
}

bool hm_ejector_tick(struct hm_ejector *ejector, int64_t now_us)
{
	bool has_changed;

	if (now_us < ejector->next_us)
		return false;
	has_changed = end_ejections(ejector, now_us);
	if (now_us >= ejector->sweep_us && sweep(ejector, now_us))
		has_changed = true;
	ejector->next_us = earliest_us(ejector);
	return has_changed;
}

int64_t hm_ejector_next_us(const struct hm_ejector *ejector)
{
	return ejector->next_us;
}

bool hm_ejector_has(const struct hm_ejector *ejector, unsigned place)
{
	return ejector->records[place].until_us;
}
