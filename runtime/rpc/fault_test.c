/* Fault rules: what they say, and whom they strike. */
#include "rpc/fault.h"

#include <criterion/criterion.h>
#include <string.h>

static hm_status parse(const char *text, struct hm_fault_rules *ret_rules)
{
	char copy[1024];

	cr_assert_lt(strlen(text), sizeof copy);
	memcpy(copy, text, strlen(text) + 1);
	return hm_fault_parse("rules", copy, ret_rules);
}

Test(fault, reads_rules_a_line_each_or_between_semicolons)
{
	struct hm_fault_rules rules;

	cr_assert_eq(parse("# what goes wrong\n"
			   "seed=7\n\n"
			   "delay=200ms accounting.v1.Accounting/* percent=10 after=3 count=5 # slow\n"
			   "\tabort=UNAVAILABLE ; drop echo.v1.Echo/Echo;;disconnect",
			   &rules),
		     HM_OK);
	cr_assert(rules.seed == 7 && rules.n == 4);
	cr_assert(rules.rules[0].kind == HM_FAULT_DELAY && rules.rules[0].value == 200);
	cr_assert(rules.rules[0].percent == 10 && rules.rules[0].after == 3 && rules.rules[0].count == 5);
	cr_assert_str_eq(rules.rules[0].method, "accounting.v1.Accounting/*");
	cr_assert(rules.rules[1].kind == HM_FAULT_ABORT && rules.rules[1].value == HM_UNAVAILABLE);
	cr_assert(rules.rules[1].percent == 100 && !rules.rules[1].count && !*rules.rules[1].method);
	cr_assert_str_eq(rules.rules[2].method, "echo.v1.Echo/Echo");
	cr_assert_eq(rules.rules[3].kind, HM_FAULT_DISCONNECT);
}

Test(fault, says_in_which_line_what_is_wrong)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "drop\nexplode", "rules:2: no fault explode" },
		{ "delay", "delay=… lacks its value" },
		{ "delay=200", "delay=200: write a number and ms" },
		{ "delay=0ms", "from 1 to 600000" },
		{ "delay=99999999999999999999ms", "write a number" },
		{ "drop=1", "drop takes no value" },
		{ "abort=OK", "abort=OK: write a status" },
		{ "abort=SOMEHOW", "write a status" },
		{ "drop percent=101", "from 1 to 100" },
		{ "drop percent=-1", "write a number" },
		{ "drop often=1", "no limit often" },
		{ "drop a b", "a second method" },
		{ "drop at=home", "at=home: write at=server or at=caller" },
		{ "drop at=callers", "write at=server or at=caller" },
		{ "reorder at=caller", "reorder is a server's" },
		{ "drop a*b", "a * stands at the end" },
	};
	struct hm_fault_rules rules;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(parse(cases[i].text, &rules), HM_INVALID_ARGUMENT, "%s", cases[i].text);
		cr_assert(strstr(hm_error_get()->message, cases[i].says), "%s: %s", cases[i].text,
			  hm_error_get()->message);
	}
}

Test(fault, a_calls_own_rules_leave_nothing_to_chance)
{
	char fine[] = "delay=5ms;drop echo.*", chance[] = "drop percent=5", once[] = "drop count=1";
	char here[] = "drop at=caller", there[] = "drop at=server";
	struct hm_fault_rules rules;

	cr_assert_eq(hm_fault_parse_own(fine, &rules), HM_OK);
	cr_assert_eq(rules.n, 2);
	cr_assert_eq(hm_fault_parse_own(chance, &rules), HM_INVALID_ARGUMENT);
	cr_assert_eq(hm_fault_parse_own(once, &rules), HM_INVALID_ARGUMENT);
	cr_assert_eq(hm_fault_parse_own(here, &rules), HM_INVALID_ARGUMENT, "what a caller does wrong no call decides");
	cr_assert_eq(hm_fault_parse_own(there, &rules), HM_OK);
}

Test(fault, a_method_is_named_whole_or_by_its_beginning)
{
	struct hm_fault_rule rule = { .method = "echo.v1.Echo/Echo" };

	cr_assert(hm_fault_matches(&rule, "echo.v1.Echo/Echo"));
	cr_assert_not(hm_fault_matches(&rule, "echo.v1.Echo/EchoTwice"));
	rule = (struct hm_fault_rule){ .method = "echo.*" };
	cr_assert(hm_fault_matches(&rule, "echo.v1.Echo/Echo"));
	cr_assert_not(hm_fault_matches(&rule, "echoes.v1.Echo/Echo"));
	rule = (struct hm_fault_rule){ .method = "" };
	cr_assert(hm_fault_matches(&rule, "echo.v1.Echo/Echo"));
}

Test(fault, passes_over_the_first_and_ends_after_its_count)
{
	struct hm_fault_rules rules;

	cr_assert_eq(parse("drop after=2 count=3", &rules), HM_OK);
	for (uint64_t nth = 0; nth < 10; nth++)
		cr_assert_eq(hm_fault_strikes(&rules, 0, nth), nth >= 2 && nth < 5);
}

Test(fault, a_percentage_strikes_as_many_and_the_same_again_with_the_same_seed)
{
	struct hm_fault_rules rules, other;
	unsigned struck = 0, alike = 0;

	cr_assert_eq(parse("seed=1\ndrop percent=20", &rules), HM_OK);
	cr_assert_eq(parse("seed=2\ndrop percent=20", &other), HM_OK);
	for (uint64_t nth = 0; nth < 10000; nth++) {
		struck += hm_fault_strikes(&rules, 0, nth);
		alike += hm_fault_strikes(&rules, 0, nth) && hm_fault_strikes(&other, 0, nth);
	}
	cr_assert(struck > 1800 && struck < 2200, "%u of 10000", struck);
	cr_assert(alike > 300 && alike < 500, "%u of them with another seed too", alike);
}

Test(fault, rules_that_strike_together_add_up)
{
	static struct hm_faults faults;
	struct hm_fault fault;

	cr_assert_eq(parse("delay=5ms\ndelay=6ms\nabort=ABORTED\nabort=INTERNAL\nduplicate count=1\ndrop other.*",
			   &faults.rules),
		     HM_OK);
	fault = hm_faults_meet(&faults, HM_FAULT_AT_SERVER, "echo.v1.Echo/Echo");
	cr_assert(fault.delay_ms == 11 && fault.abort == HM_ABORTED && fault.packet == 1 << HM_FAULT_DUPLICATE);
	fault = hm_faults_meet(&faults, HM_FAULT_AT_SERVER, "echo.v1.Echo/Echo");
	cr_assert(!fault.packet);
	cr_assert_eq(hm_faults_meet(&faults, HM_FAULT_AT_SERVER, "other.v1.Other/Do").packet, 1 << HM_FAULT_DROP);
}

Test(fault, a_rule_is_for_one_side_of_a_call_and_counts_there)
{
	static struct hm_faults faults;

	cr_assert_eq(parse("delay=1ms\ndrop at=server count=1\ndisconnect at=caller count=1", &faults.rules), HM_OK);
	cr_assert_eq(hm_faults_meet(&faults, HM_FAULT_AT_CALLER, "echo.v1.Echo/Echo").packet, 1 << HM_FAULT_DISCONNECT);
	cr_assert_eq(hm_faults_meet(&faults, HM_FAULT_AT_SERVER, "echo.v1.Echo/Echo").packet, 1 << HM_FAULT_DROP);
	cr_assert_eq(hm_faults_meet(&faults, HM_FAULT_AT_CALLER, "echo.v1.Echo/Echo").packet, 0);
	cr_assert_eq(hm_faults_meet(&faults, HM_FAULT_AT_CALLER, "echo.v1.Echo/Echo").delay_ms, 0);
}
