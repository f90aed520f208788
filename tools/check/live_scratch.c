/* Live, from nothing: a cluster of the check's own, every service that was read migrated on it, and then looked at. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "scratch.h"

/* On a terminal alone, one line that is written over; "" wipes it. */
static void show(const char *what, const char *of)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s%s", what, of);
}

static hm_status check_there(struct check *check, const char *service)
{
	for (const struct group *group = check->groups; group; group = group->next) {
		if (!group->is_whole || !group->service || (service && strcmp(service, group->service)))
			continue;
		show("migrating ", group->service);
		TRY(scratch_migrate(group->service, group->folder));
	}
	show("asking the catalog, planning queries", "");
	return live_check(check, scratch_dsn(), service);
}

hm_status live_scratch(struct check *check, const char *service)
{
	hm_status status;

	show("starting PostgreSQL", "");
	status = scratch_open();
	if (status == HM_OK)
		status = check_there(check, service);
	scratch_close();
	show("", "");
	return status;
}
