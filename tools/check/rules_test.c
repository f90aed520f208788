/*
 * Rules: the examples on the rules' pages are their tests. What stands under "## Bad" gives findings of that rule and no other, what stands
 * under "## Good" gives none. An example is one SQL file of a service "example", or several, each behind a line
 *
 *     -- file: services/example/migrations/0002_more.sql
 *
 * and then the folder they are in is what is checked. Runs in the repository's root, as `hallmark check` does.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/child.h"
#include "tests/cli.h"
#include "tests/fixture.h"

enum { PATH_BYTES = 512 };

static const char pages[] = "tools/check/rules", marker[] = "-- file: ";

/* What an example came to. */
struct outcome {
	json_t *findings;
	int exit_code;
};

static struct hm_buffer read_page(const char *name)
{
	struct hm_buffer text = { 0 };
	char path[PATH_BYTES];
	size_t got;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", pages, name);
	file = fopen(path, "r");
	cr_assert(file, "%s cannot be read", path);
	do {
		got = fread(hm_buffer_reserve(&text, BUFSIZ), 1, BUFSIZ, file);
		hm_buffer_advance(&text, got);
	} while (got);
	fclose(file);
	return text;
}

/* The n-th ```sql block behind the heading and before the next heading; NULL: there is none. */
static char *find_example(const char *page, const char *heading, unsigned n)
{
	static const char fence[] = "```sql\n";
	const char *at = strstr(page, heading), *end, *next;

	cr_assert(at, "no %s", heading);
	next = strstr(at + 3, "\n## ");
	for (at = strstr(at, fence); at && n; n--)
		at = strstr(at + 1, fence);
	if (!at || (next && at > next))
		return NULL;
	at += strlen(fence);
	end = strstr(at, "\n```");
	cr_assert(end, "%s: a block without an end", heading);
	return strndup(at, (size_t)(end + 1 - at));
}

/* ---- An example's files ---------------------------------------------------------------------------------------------- */

static void make_folders(const char *path)
{
	char folder[PATH_BYTES];

	snprintf(folder, sizeof folder, "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(folder, 0700);
		*slash = '/';
	}
}

static void write_file(const char *root, const char *name, size_t name_size, const char *text, size_t size)
{
	char path[PATH_BYTES];
	FILE *file;

	snprintf(path, sizeof path, "%s/%.*s", root, (int)name_size, name);
	make_folders(path);
	file = fopen(path, "w");
	cr_assert(file, "%s cannot be written", path);
	fwrite(text, 1, size, file);
	cr_assert_eq(fclose(file), 0);
}

/* Returns what is to be checked, below the root. */
static const char *write_files(const char *root, const char *example)
{
	const char *at = strstr(example, marker);

	if (!at) {
		write_file(root, "example.sql", strlen("example.sql"), example, strlen(example));
		return "example.sql";
	}
	while (at) {
		const char *name = at + strlen(marker), *text = strchr(name, '\n') + 1, *next = strstr(text, marker);

		write_file(root, name, (size_t)(text - 1 - name), text, next ? (size_t)(next - text) : strlen(text));
		at = next;
	}
	return ".";
}

static struct outcome check_example(const char *example)
{
	char root[] = "/tmp/hallmark-example-XXXXXX", path[PATH_BYTES];
	const char *command[] = { cli_program(), "check", path, "--service", "example", "--json", NULL };
	struct child_result result;
	struct outcome outcome;

	cr_assert(mkdtemp(root));
	snprintf(path, sizeof path, "%s/%s", root, write_files(root, example));
	if (!strcmp(path + strlen(path) - 2, "/."))
		command[3] = "--json", command[4] = NULL;
	must(child_run(command, NULL, &result));
	outcome.exit_code = result.exit_code;
	outcome.findings = json_loads(result.out.data, 0, NULL);
	cr_assert(outcome.findings, "no JSON but: %s%s", result.out.data, result.err.size ? result.err.data : "");
	child_fini(&result);
	must(child_run((const char *const[]){ "/bin/rm", "-r", root, NULL }, NULL, &result));
	child_fini(&result);
	return outcome;
}

/* ---- The pages --------------------------------------------------------------------------------------------------------- */

static void expect_good(const char *rule, const char *example)
{
	struct outcome outcome = check_example(example);

	cr_expect_eq(outcome.exit_code, 0);
	cr_expect_eq(json_array_size(outcome.findings), 0, "%s: the good example gives %s", rule,
		     json_dumps(outcome.findings, 0));
	json_decref(outcome.findings);
}

static void expect_bad(const char *rule, const char *example)
{
	struct outcome outcome = check_example(example);
	json_t *finding;
	size_t i;

	cr_expect_eq(outcome.exit_code, 1, "%s: the bad example's exit status is %d", rule, outcome.exit_code);
	cr_expect_gt(json_array_size(outcome.findings), 0);
	json_array_foreach(outcome.findings, i, finding)
	{
		cr_expect_str_eq(json_string_value(json_object_get(finding, "rule")), rule,
				 "%s: the bad example gives %s", rule, json_dumps(finding, 0));
		cr_expect_gt(json_integer_value(json_object_get(finding, "line")), 0);
	}
	json_decref(outcome.findings);
}

static unsigned expect_all(const char *rule, const char *page, const char *heading,
			   void (*expect)(const char *rule, const char *example))
{
	unsigned n = 0;

	for (char *example; (example = find_example(page, heading, n)); n++) {
		expect(rule, example);
		free(example);
	}
	cr_expect_gt(n, 0, "%s: nothing under %s", rule, heading);
	return n;
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
		struct hm_buffer page = read_page(entries[i]->d_name);

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
