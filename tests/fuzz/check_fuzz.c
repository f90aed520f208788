/*
 * Fuzzes the checks: any text as a service's migration, parsed, its routines opened, folded and looked at by every rule, with time-outs
 * required. A second copy of it comes behind, so that rules meet tables, constraints and indexes that an earlier file has made. Beyond
 * not crashing: every finding lies in the text, and is of a rule there is.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/check/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(const struct check *check, size_t size)
{
	for (const struct finding *one = check->findings; one; one = one->next)
		if (!rule_find(one->rule) || one->begin > size || one->end > size || !one->line || !one->message)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check check = { 0 };
	struct group group = { .service = "example", .folder = "example", .is_whole = true };
	struct file files[2] = { { .path = "0001_a.sql", .version = 1 }, { .path = "0002_b.sql", .version = 2 } };
	char *text = memcpy(calloc(size + 1, 1), data, size);

	if (memchr(text, '\0', size)) { /* the reader of files refuses it */
		free(text);
		return -1;
	}
	check.wants_timeouts = true;
	check.groups = &group;
	group.files = &files[0];
	files[0].next = &files[1];
	for (size_t i = 0; i < 2; i++) {
		files[i].group = &group;
		files[i].name = files[i].path;
		files[i].text = text;
		files[i].size = size;
		file_parse(&check, &files[i]);
	}
	check_run(&check);
	findings_settle(&check);
	check_findings(&check, size);
	hm_arena_fini(&check.arena);
	free(text);
	return 0;
}
