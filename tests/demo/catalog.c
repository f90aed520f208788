/* Proof that the database is as the rules have it, whatever made it so: its catalog, and every query, asked by `hallmark check`. */
#include "store/cluster.h"
#include "tests/child.h"
#include "tests/demo/demo.h"

hm_status demo_catalog(struct demo *demo)
{
	const char *dsn = hm_cluster_dsn(demo->stage.cluster);
	const char *const command[] = { demo->stage.program, "check", "services", "--dsn", dsn, NULL };
	struct child_result result;

	story_act("Proof: the live catalog keeps every rule");
	story_command("hallmark check services --dsn \"%s\"", dsn);
	TRY(child_run(command, NULL, &result));
	if (result.exit_code && result.out.size)
		story_text(result.out.data);
	if (result.err.size)
		story_text(result.err.data);
	story_check(!result.exit_code, "tables, policies, grants, roles and triggers; every query planned as its role");
	child_fini(&result);
	return HM_OK;
}
