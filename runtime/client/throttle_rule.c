/* Throttle rule: lines in sets of a few; whoever finds a set full takes the place of the line whose window began first. */
#include "client/throttle_rule.h"

#include <stdlib.h>

#include "crypto/token.h"
#include "rpc/method.h"

enum { SETS = 128, WAYS = 4, GOOD_ANSWERS = 5 };

static const struct {
	double answers_per_accepted; /* that servers are to see */
	double least, most; /* of what a window multiplies the part by */
	double sent_min;
} numbers = { .answers_per_accepted = 1.5, .least = 0.7, .most = 2, .sent_min = 1.0 / 16 };

struct line {
	uint64_t key;
	int64_t began_us; /* the window; 0: no line */
	uint32_t accepted, refused; /* answers in it */
	uint32_t offered; /* to be sent in it */
	double sent; /* the part */
	double owed; /* of a call, that is to be kept back */
	uint32_t retry_after_ms;
};

struct hm_throttle {
	struct line lines[SETS][WAYS];
};

struct hm_throttle *hm_throttle_open(void)
{
	struct hm_throttle *throttle = calloc(1, sizeof *throttle);

	if (!throttle)
		abort();
	return throttle;
}

void hm_throttle_close(struct hm_throttle *throttle)
{
	free(throttle);
}

uint64_t hm_throttle_caller(const char *brand, const char *token)
{
	return hm_method_id(brand) + (token ? 1 + (*brand ? 0 : hm_token_hash(token)) : 0);
}

uint64_t hm_throttle_key(uint64_t caller, uint64_t method, uint32_t timeout_ms)
{
	const uint64_t power = timeout_ms ? (33 - (uint64_t)__builtin_clz(timeout_ms)) / 2 : 0;

	return (caller ^ method) + power;
}

static double clamp(double value, double min, double max)
{
	return value < min ? min : value > max ? max : value;
}

/* What a window's answers make of the part. Of too few only good news is believed; none at all is as good as that, or nobody would
 * ever find out. */
static double after(const struct line *line)
{
	const uint32_t answers = line->accepted + line->refused;
	const double least = answers < HM_THROTTLE_ANSWERS ? 1 : numbers.least;
	const double factor = line->refused ? numbers.answers_per_accepted * line->accepted / answers : numbers.most;

	return clamp(line->sent * clamp(factor, least, numbers.most), numbers.sent_min, 1);
}

static bool is_over(const struct line *line, int64_t now_us)
{
	const uint32_t answers = line->accepted + line->refused;
	const bool is_enough = answers >= (line->refused ? HM_THROTTLE_ANSWERS : GOOD_ANSWERS);

	return now_us - line->began_us >= (is_enough ? HM_THROTTLE_WINDOW_US : HM_THROTTLE_WINDOW_MAX_US);
}

/* Ends a window that is over. False: the line is of no more use. */
static bool turn(struct line *line, int64_t now_us)
{
	const int64_t lasted_us = now_us - line->began_us;

	if (!is_over(line, now_us))
		return true;
	if (lasted_us >= HM_THROTTLE_FORGET_US)
		return false;
	if (lasted_us >= HM_THROTTLE_WINDOW_MAX_US && line->accepted + line->refused < HM_THROTTLE_ANSWERS &&
	    line->offered < HM_THROTTLE_ANSWERS)
		return false;
	line->sent = after(line);
	line->began_us = now_us;
	line->accepted = line->refused = line->offered = 0;
	return line->sent < 1;
}

/* NULL: there is none, or not any more. */
static struct line *find(struct hm_throttle *throttle, uint64_t key, int64_t now_us)
{
	struct line *set = throttle->lines[key % SETS];

	for (unsigned way = 0; way < WAYS; way++) {
		struct line *line = &set[way];

		if (!line->began_us || line->key != key)
			continue;
		if (turn(line, now_us))
			return line;
		line->began_us = 0;
		return NULL;
	}
	return NULL;
}

static struct line *begin_line(struct hm_throttle *throttle, uint64_t key, int64_t now_us)
{
	struct line *set = throttle->lines[key % SETS], *place = set;

	for (unsigned way = 1; way < WAYS; way++)
		if (set[way].began_us < place->began_us)
			place = &set[way];
	*place = (struct line){ .key = key, .began_us = now_us, .sent = 1 };
	return place;
}

bool hm_throttle_holds(struct hm_throttle *throttle, uint64_t key, int64_t now_us, uint32_t *ret_retry_after_ms)
{
	struct line *line = find(throttle, key, now_us);

	if (!line)
		return false;
	line->offered++;
	line->owed += 1 - line->sent;
	if (line->owed < 1)
		return false;
	line->owed -= 1;
	*ret_retry_after_ms = line->retry_after_ms;
	return true;
}

void hm_throttle_accepted(struct hm_throttle *throttle, uint64_t key, int64_t now_us)
{
	struct line *line = find(throttle, key, now_us);

	if (line)
		line->accepted++;
}

void hm_throttle_refused(struct hm_throttle *throttle, uint64_t key, uint32_t retry_after_ms, int64_t now_us)
{
	struct line *line = find(throttle, key, now_us);

	if (!line)
		line = begin_line(throttle, key, now_us);
	line->refused++;
	line->retry_after_ms = retry_after_ms;
}
