/*
 * Rules: the examples on the rules' pages are their tests. What stands under "## Bad" gives findings of that rule and no other, what stands
 * under "## Good" gives none. An example is one SQL file of a service "example", or several (tests/example.h), and then the folder they
 * are in is what is checked. A block of "```sql trace" is run instead (--trace): its last file; one of
 * "```sql timeouts" is checked with --require-timeouts. Runs in the repository's root, as `hallmark check` does.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/child.h"
#include "tests/cli.h"
#include "tests/example.h"
#include "tests/fixture.h"

enum { PATH_BYTES = 512 };

static const char pages[] = "tools/check/rules";

/* How an example is checked, by what its block is called. */
static const struct way {
	const char *fence, *option;
	bool is_traced;
} ways[] = {
	{ "```sql\n", NULL, false },
	{ "```sql timeouts\n", "--require-timeouts", false },
	{ "```sql trace\n", "--trace", true },
};

/* What an example came to. */
struct outcome {
	json_t *findings;
	int exit_code;
};

static json_t *take_member(json_t *object, const char *name)
{
	json_t *member = json_incref(json_object_get(object, name));

	json_decref(object);
	return member;
}

static struct outcome check_example(const char *example, const struct way *way)
{
	char root[] = "/tmp/hallmark-example-XXXXXX", path[PATH_BYTES];
	const char *command[8] = { cli_program(), "check" };
	size_t n = 2;
	struct child_result result;
	struct outcome outcome;
	char *name;

	cr_assert(mkdtemp(root));
	name = example_write(root, example, way->is_traced);
	snprintf(path, sizeof path, "%s/%s", root, name);
	if (way->option)
		command[n++] = way->option;
	command[n++] = path;
	command[n++] = "--json";
	if (!strcmp(name, "example.sql")) {
		command[n++] = "--service";
		command[n++] = "example";
	}
	must(child_run(command, NULL, &result));
	outcome.exit_code = result.exit_code;
	outcome.findings = json_loads(result.out.data, 0, NULL);
	cr_assert(outcome.findings, "no JSON but: %s%s", result.out.data, result.err.size ? result.err.data : "");
	if (way->is_traced)
		outcome.findings = take_member(outcome.findings, "findings");
	child_fini(&result);
	must(child_run((const char *const[]){ "/bin/rm", "-r", root, NULL }, NULL, &result));
	child_fini(&result);
	free(name);
	return outcome;
}

/* ---- The pages --------------------------------------------------------------------------------------------------------- */

static void expect_good(const char *rule, const struct outcome *outcome)
{
	cr_expect_eq(outcome->exit_code, 0);
	cr_expect_eq(json_array_size(outcome->findings), 0, "%s: the good example gives %s", rule,
		     json_dumps(outcome->findings, 0));
}

static void expect_bad(const char *rule, const struct outcome *outcome)
{
	const json_t *finding;
	size_t i;

	cr_expect_eq(outcome->exit_code, 1, "%s: the bad example's exit status is %d", rule, outcome->exit_code);
	cr_expect_gt(json_array_size(outcome->findings), 0);
	json_array_foreach(outcome->findings, i, finding)
	{
		cr_expect_str_eq(json_string_value(json_object_get(finding, "rule")), rule,
				 "%s: the bad example gives %s", rule, json_dumps(finding, 0));
		cr_expect_gt(json_integer_value(json_object_get(finding, "line")), 0);
	}
}

static void expect_all(const char *rule, const char *page, const char *heading,
		       void (*expect)(const char *rule, const struct outcome *outcome))
{
	unsigned n_all = 0;

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		char *example;

		for (unsigned n = 0; (example = example_find(page, heading, ways[i].fence, n)); n++) {
			struct outcome outcome = check_example(example, &ways[i]);

			expect(rule, &outcome);
			json_decref(outcome.findings);
			free(example);
			n_all++;
		}
	}
	cr_expect_gt(n_all, 0, "%s: nothing under %s", rule, heading);
}

static int is_page(const struct dirent *entry)
{
	return strstr(entry->d_name, ".md") != NULL;
}

Test(check_rules, every_page_has_a_bad_example_that_is_found_and_a_good_one_that_is_not)
{
	struct dirent **entries;
	int n = scandir(pages, &entries, is_page, alphasort);

	cr_assert_gt(n, 0);
	for (int i = 0; i < n; i++) {
		char *rule = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - strlen(".md"));
		char path[PATH_BYTES];
		struct hm_buffer page;

		snprintf(path, sizeof path, "%s/%s", pages, entries[i]->d_name);
		page = example_page(path);

		cr_expect(!strncmp(page.data, "# ", 2) && !strncmp(page.data + 2, rule, strlen(rule)),
			  "%s: the page's title is the rule's name", rule);
		expect_all(rule, page.data, "\n## Bad", expect_bad);
		expect_all(rule, page.data, "\n## Good", expect_good);
		hm_buffer_fini(&page);
		free(rule);
		free(entries[i]);
	}
	free(entries);
}

Test(check_rules, every_rule_has_a_page)
{
	const char *command[] = { cli_program(), "check", "--rules", "--json", NULL };
	struct child_result result;
	json_t *rules, *rule;
	size_t i;

	must(child_run(command, NULL, &result));
	rules = json_loads(result.out.data, 0, NULL);
	child_fini(&result);
	cr_assert_gt(json_array_size(rules), 0);
	json_array_foreach(rules, i, rule)
	{
		const char *const explain[] = { cli_program(), "check", "--explain",
						json_string_value(json_object_get(rule, "rule")), NULL };

		must(child_run(explain, NULL, &result));
		cr_expect_eq(result.exit_code, 0, "%s has no page", explain[3]);
		child_fini(&result);
	}
	json_decref(rules);
}

Test(check_rules, the_repository_keeps_them)
{
	const char *const command[] = { cli_program(), "check", NULL };
	struct child_result result;

	must(child_run(command, NULL, &result));
	cr_expect_eq(result.exit_code, 0, "%s", result.out.data);
	child_fini(&result);
}

Test(check_rules, a_report_that_cannot_be_written_is_no_success)
{
	const char *const command[] = { "/bin/sh", "-c", "exec \"$0\" check --json > /dev/full", cli_program(), NULL };
	struct child_result result;

	must(child_run(command, NULL, &result));
	cr_expect_eq(result.exit_code, 2, "%d", result.exit_code);
	cr_expect(strstr(result.err.data, "cannot be written"), "%s", result.err.data);
	child_fini(&result);
}

Test(check_rules, what_a_file_says_steers_no_terminal)
{
	char path[] = "/tmp/hallmark-escape-XXXXXX.sql";
	const char *const command[] = { cli_program(), "check", path, "--service", "example", NULL };
	int fd = mkstemps(path, strlen(".sql"));
	struct child_result result;

	cr_assert_geq(fd, 0);
	cr_assert_gt(
		dprintf(fd, "-- hallmark:allow type-json because \033[2J\nCREATE TABLE \"\033[31mx\" (id json);\n"), 0);
	close(fd);
	must(child_run(command, NULL, &result));
	unlink(path);
	cr_expect_eq(result.exit_code, 1);
	cr_expect_not(memchr(result.out.data, '\033', result.out.size), "%s", result.out.data);
	child_fini(&result);
}
