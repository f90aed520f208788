/* Rules: each page's examples are its tests. What is bad gives its rule, at its lines, and no other; what is good gives nothing. */
#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/child.h"
#include "tests/cli.h"
#include "tests/contract_pages.h"

#define PAGES "tools/check-contracts/rules/*.md"

static const char *program(void)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s-check-contracts", cli_program());
	return path;
}

static struct child_result check(const char *folder, const char *before)
{
	const char *const argv[] = { program(), "--root", folder, before ? "--against-folder" : NULL, before, NULL };
	struct child_result result;

	cr_assert_eq(child_run(argv, NULL, &result), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(result.exit_code, 0, "%s", result.err.data);
	return result;
}

static bool is_wanted(const struct wanted *wanted, const char *file, int line)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!strcmp(wanted->places[i].file, file) && wanted->places[i].line == line)
			return true;
	return false;
}

static void expect_finding(const struct contract_page *page, const struct wanted *wanted, const char *folder,
			   const char *line)
{
	json_t *finding = json_loads(line, 0, NULL);
	const char *rule, *file, *message;
	int at, column;

	cr_assert_eq(json_unpack(finding, "{s:s,s:s,s:i,s:i,s:s}", "rule", &rule, "file", &file, "line", &at, "column",
				 &column, "message", &message),
		     0, "no finding: %s", line);
	cr_expect_str_eq(rule, page->rule, "%s: %s", page->rule, line);
	cr_expect(is_wanted(wanted, file + strlen(folder) + 1, at), "%s: at another line: %s", page->rule, line);
	cr_expect_gt(column, 0);
	cr_expect(strstr(message, "; ") || strstr(message, ": ") || !strcmp(rule, "contract-syntax"),
		  "%s: what to do? %s", page->rule, message);
	json_decref(finding);
}

static void expect_findings(const struct contract_page *page, const char *block, const char *before_block)
{
	struct wanted wanted, none;
	char *folder = contract_tree(block, &wanted),
	     *before = before_block ? contract_tree(before_block, &none) : NULL;
	struct child_result result = check(folder, before);
	size_t count = 0;

	for (char *rest = result.out.data, *line; (line = strsep(&rest, "\n")) && *line; count++)
		expect_finding(page, &wanted, folder, line);
	cr_expect_eq(count, wanted.count, "%s: %zu findings and not %zu in\n%s", page->rule, count, wanted.count,
		     block);
	contract_tree_remove(folder);
	if (before)
		contract_tree_remove(before);
	child_fini(&result);
}

static void expect_page(const struct contract_page *page)
{
	cr_assert(strstr(page->bad, "here"), "%s: the bad example does not say where", page->rule);
	expect_findings(page, page->bad, page->bad_before);
	expect_findings(page, page->good, page->good_before);
}

static void expect_pages(bool are_pairs)
{
	size_t count = 0;
	glob_t pages;

	cr_assert_eq(glob(PAGES, 0, NULL, &pages), 0);
	for (size_t i = 0; i < pages.gl_pathc; i++) {
		struct contract_page page = contract_page_read(pages.gl_pathv[i]);

		if ((page.bad_before != NULL) != are_pairs)
			continue;
		expect_page(&page);
		count++;
	}
	globfree(&pages);
	cr_expect_gt(count, 0);
}

Test(check_contracts, finds_what_each_page_calls_bad_and_nothing_in_what_it_calls_good)
{
	expect_pages(false);
}

Test(check_contracts, finds_what_each_page_says_would_break_callers_and_nothing_in_what_would_not)
{
	expect_pages(true);
}

static void expect_listed(const char *lines, const struct contract_page *page)
{
	char start[128];
	const char *line;
	json_t *rule;

	snprintf(start, sizeof(start), "{\"rule\":\"%s\",", page->rule);
	line = strstr(lines, start);
	cr_assert(line, "%s is a page of no rule", page->rule);
	rule = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(rule, "summary")), page->summary);
	cr_expect_eq(!strcmp(json_string_value(json_object_get(rule, "category")), "breaking"),
		     page->bad_before != NULL, "%s: a breaking rule has pairs", page->rule);
	json_decref(rule);
}

Test(check_contracts, lists_its_rules_and_each_has_a_page_of_its_name)
{
	struct child_result result;
	glob_t pages;

	cr_assert_eq(child_run((const char *const[]){ program(), "--rules", NULL }, NULL, &result), HM_OK);
	cr_assert_eq(glob(PAGES, 0, NULL, &pages), 0);
	for (size_t i = 0; i < pages.gl_pathc; i++) {
		struct contract_page page = contract_page_read(pages.gl_pathv[i]);

		cr_expect(strstr(pages.gl_pathv[i], page.rule), "%s is in %s", page.rule, pages.gl_pathv[i]);
		expect_listed(result.out.data, &page);
	}
	cr_expect_eq(cli_lines(result.out.data), pages.gl_pathc, "a rule has no page, or two rows");
	globfree(&pages);
	child_fini(&result);
}
