/* Tests of what a list of permissions covers. */
#include "guard/permission.h"

#include <criterion/criterion.h>

static const struct {
	const char *granted[3];
	const char *wanted;
	bool covered;
} cases[] = {
	{ { "ledger.write" }, "ledger.write", true },
	{ { "ledger.read", "ledger.write" }, "ledger.write", true },
	{ { "ledger.read" }, "ledger.write", false },
	{ { "ledger.writer" }, "ledger.write", false },
	{ { "ledger.w" }, "ledger.write", false },
	{ { "ledger.*" }, "ledger.write", true },
	{ { "ledger.*" }, "ledgers.write", false },
	{ { "ledger.*" }, "ledger.*", true },
	{ { "ledger.*" }, "ledger.entries.*", true },
	{ { "ledger.*" }, "*", false },
	{ { "ledger.write" }, "ledger.*", false },
	{ { "*" }, "ledger.write", true },
	{ { "*" }, "*", true },
	{ { "" }, "ledger.write", false },
	{ { NULL }, "ledger.write", false },
};

Test(permission, a_list_covers_its_names_and_what_its_wildcards_begin)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(hm_permissions_cover(cases[i].granted, cases[i].wanted), cases[i].covered, "%s for %s",
			     cases[i].granted[0] ? cases[i].granted[0] : "nothing", cases[i].wanted);
}
