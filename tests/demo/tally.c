/* Tally: counters beside the method tables. */
#include "tests/demo/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/services.h"

struct tally tallies[TALLY_SERVICES + 1];

void tally_init(void)
{
	size_t n = 0;

	for (; hm_services[n] && n < TALLY_SERVICES; n++) {
		if (hm_services[n]->table->n_methods > TALLY_METHODS)
			abort();
		tallies[n] = (struct tally){ .table = hm_services[n]->table };
	}
}

static struct tally *find(const char *name, size_t *ret_index)
{
	for (struct tally *tally = tallies; tally->table; tally++) {
		const struct hm_method *method = hm_method_find(tally->table, name);

		if (!method)
			continue;
		*ret_index = (size_t)(method - tally->table->methods);
		return tally;
	}
	fprintf(stderr, "demo: there is no method %s\n", name);
	abort();
}

const struct hm_method *tally_method(const char *name)
{
	size_t index;

	return &find(name, &index)->table->methods[index];
}

void tally_add(const char *name, hm_status status, int64_t count)
{
	size_t index;
	struct tally *tally = find(name, &index);

	*(status == HM_OK ? &tally->ok[index] : &tally->refused[index]) += count;
}

hm_status tally_call(const char *name, hm_status status)
{
	tally_add(name, status, 1);
	return status;
}
