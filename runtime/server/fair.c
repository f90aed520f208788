/* Fair: lines in a ring. */
#include "server/fair.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A turn is at most QUANTUM/COST_MIN calls, and a call waits at most COST_MAX/QUANTUM turns of its line. */
enum { QUANTUM_US = 1000, COST_MIN_US = 100, COST_MAX_US = 16 * QUANTUM_US, LINES_MIN = 16 };

struct hm_fair_line {
	struct hm_fair_line *next; /* in the ring */
	struct hm_fair_node *first, **end;
	uint32_t count, in_flight;
	int64_t credit_us, queued_us;
};

void hm_fair_init(struct hm_fair *fair, uint32_t max)
{
	*fair = (struct hm_fair){ .max = max };
}

void hm_fair_fini(struct hm_fair *fair)
{
	for (uint32_t i = 0; i < fair->n_lines; i++)
		free(fair->lines[i]);
	free(fair->lines);
}

static void grow(struct hm_fair *fair, uint32_t tenant)
{
	uint32_t n = fair->n_lines ? fair->n_lines : LINES_MIN;

	while (n <= tenant)
		n *= 2;
	fair->lines = reallocarray(fair->lines, n, sizeof(struct hm_fair_line *));
	if (!fair->lines)
		abort();
	memset(fair->lines + fair->n_lines, 0, (n - fair->n_lines) * sizeof(struct hm_fair_line *));
	fair->n_lines = n;
}

static struct hm_fair_line *get_line(struct hm_fair *fair, uint32_t tenant)
{
	struct hm_fair_line *line;

	if (tenant >= fair->n_lines)
		grow(fair, tenant);
	line = fair->lines[tenant];
	if (!line) {
		line = fair->lines[tenant] = calloc(1, sizeof *line);
		if (!line)
			abort();
	}
	return line;
}

static const struct hm_fair_line *find_line(const struct hm_fair *fair, uint32_t tenant)
{
	static const struct hm_fair_line none;
	const struct hm_fair_line *line = tenant < fair->n_lines ? fair->lines[tenant] : NULL;

	return line ? line : &none;
}

/* Places for each line that waits, were this one among them. */
static uint32_t share_of_places(const struct hm_fair *fair, const struct hm_fair_line *line)
{
	return fair->max / (fair->n_waiting + !line->count);
}

static bool has_place(const struct hm_fair *fair, const struct hm_fair_line *line)
{
	return fair->count < fair->max || line->count < share_of_places(fair, line);
}

bool hm_fair_has_place(const struct hm_fair *fair, uint32_t tenant)
{
	return has_place(fair, find_line(fair, tenant));
}

/* The newcomer is the last whose turn it is, with a turn's credit. */
static void enter_ring(struct hm_fair *fair, struct hm_fair_line *line)
{
	line->credit_us = QUANTUM_US;
	line->next = fair->last ? fair->last->next : line;
	if (fair->last)
		fair->last->next = line;
	fair->last = line;
	fair->n_waiting++;
}

/* `before` is the line's predecessor in the ring. */
static void leave_ring(struct hm_fair *fair, struct hm_fair_line *before, struct hm_fair_line *line)
{
	before->next = line->next;
	if (fair->last == line)
		fair->last = before == line ? NULL : before;
	fair->n_waiting--;
}

static struct hm_fair_node *take_first(struct hm_fair *fair, struct hm_fair_line *before, struct hm_fair_line *line)
{
	struct hm_fair_node *node = line->first;

	line->first = node->next;
	line->queued_us -= node->cost_us;
	fair->queued_us -= node->cost_us;
	fair->count--;
	if (!--line->count)
		leave_ring(fair, before, line);
	return node;
}

static struct hm_fair_node *evict(struct hm_fair *fair)
{
	struct hm_fair_line *before_longest = fair->last;

	for (struct hm_fair_line *before = fair->last->next; before != fair->last; before = before->next)
		if (before->next->count > before_longest->next->count)
			before_longest = before;
	return take_first(fair, before_longest, before_longest->next);
}

static void append(struct hm_fair *fair, struct hm_fair_line *line, struct hm_fair_node *node)
{
	if (!line->count++) {
		line->end = &line->first;
		enter_ring(fair, line);
	}
	node->next = NULL;
	*line->end = node;
	line->end = &node->next;
	line->queued_us += node->cost_us;
	fair->queued_us += node->cost_us;
	fair->count++;
}

bool hm_fair_add(struct hm_fair *fair, struct hm_fair_node *node, struct hm_fair_node **ret_evicted)
{
	struct hm_fair_line *line = get_line(fair, node->tenant);

	*ret_evicted = NULL;
	if (!has_place(fair, line))
		return false;
	if (fair->count >= fair->max)
		*ret_evicted = evict(fair);
	append(fair, line, node);
	return true;
}

static int64_t cost_of(const struct hm_fair_node *node)
{
	return node->cost_us < COST_MIN_US ? COST_MIN_US : node->cost_us > COST_MAX_US ? COST_MAX_US : node->cost_us;
}

static bool is_any_below(const struct hm_fair *fair, uint32_t in_flight)
{
	const struct hm_fair_line *line = fair->last;

	for (uint32_t i = 0; i < fair->n_waiting; i++, line = line->next)
		if (line->in_flight < in_flight)
			return true;
	return false;
}

/* The round robin, among lines with fewer in flight than this; NULL: there is none. A line keeps its turn while its credit lasts;
 * the others are passed over and earn nothing. */
static struct hm_fair_node *take_below(struct hm_fair *fair, uint32_t in_flight)
{
	if (!is_any_below(fair, in_flight))
		return NULL;
	for (;;) {
		struct hm_fair_line *line = fair->last->next;

		if (line->in_flight < in_flight && line->credit_us >= cost_of(line->first)) {
			line->credit_us -= cost_of(line->first);
			line->in_flight++;
			fair->in_flight++;
			return take_first(fair, fair->last, line);
		}
		if (line->in_flight < in_flight)
			line->credit_us += QUANTUM_US;
		fair->last = line;
	}
}

bool hm_fair_is_takeable(const struct hm_fair *fair, uint32_t tenant, uint32_t limit, uint32_t spare)
{
	return fair->in_flight < limit || (fair->in_flight < limit + spare && !find_line(fair, tenant)->in_flight);
}

struct hm_fair_node *hm_fair_take(struct hm_fair *fair, uint32_t limit, uint32_t spare)
{
	struct hm_fair_node *node;

	if (!fair->count || fair->in_flight >= limit + spare)
		return NULL;
	if (fair->in_flight >= limit)
		return take_below(fair, 1);
	node = take_below(fair, limit / fair->n_waiting + !!(limit % fair->n_waiting));
	return node ? node : take_below(fair, UINT32_MAX);
}

void hm_fair_end(struct hm_fair *fair, uint32_t tenant)
{
	fair->lines[tenant]->in_flight--;
	fair->in_flight--;
}

int64_t hm_fair_ahead_us(const struct hm_fair *fair, uint32_t tenant)
{
	const struct hm_fair_line *line = find_line(fair, tenant);
	const int64_t ahead_us = line->queued_us * (fair->n_waiting + !line->count);

	return ahead_us < fair->queued_us ? ahead_us : fair->queued_us;
}

size_t hm_fair_list(const struct hm_fair *fair, struct hm_fair_share *ret_list, size_t max)
{
	const struct hm_fair_line *line = fair->last;
	size_t n = 0;

	for (; n < fair->n_waiting && n < max; n++, line = line->next)
		ret_list[n] = (struct hm_fair_share){ .tenant = line->first->tenant, .calls = line->count };
	return n;
}
