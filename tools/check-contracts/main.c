/*
 * hallmark-check-contracts: lints contracts, and finds what breaks their callers. `hallmark check` runs it and shows what it finds;
 * it is a program of its own because the SQL half links libpg_query, which brings a protobuf-c of its own along.
 *
 *     hallmark-check-contracts [--root DIR] [--against REV | --against-folder DIR] [FILE.proto…]
 *     hallmark-check-contracts --rules | --explain RULE
 *
 * A finding is a line of JSON: {"rule","file","line","column","message"}, the file relative to the working directory. Exit status: 0
 * when the contracts could be judged, whatever was found; 2 when not, and standard error says why.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "process.h"
#include "rules.h"

enum { EXIT_NOT_DONE = 2 };

static const struct {
	const char *rule, *text;
} pages[] = {
#include "gen/check-contracts/pages.h"
};

struct arguments {
	const char *root, *against, *against_folder, *explained;
	char **files;
	size_t n_files;
	bool wants_rules;
};

static const char usage[] =
	"usage: hallmark-check-contracts [--root DIR] [--against REV | --against-folder DIR] [FILE.proto…]\n"
	"       hallmark-check-contracts --rules | --explain RULE\n";

/* Without slashes at its end, as files are named below it. */
static const char *without_slashes(char *folder)
{
	for (size_t size = strlen(folder); size > 1 && folder[size - 1] == '/'; size--)
		folder[size - 1] = '\0';
	return folder;
}

static hm_status read_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },           { "against", required_argument, NULL, 'a' },
		{ "against-folder", required_argument, NULL, 'f' }, { "rules", no_argument, NULL, 'l' },
		{ "explain", required_argument, NULL, 'e' },        { 0 },
	};

	*arguments = (struct arguments){ .root = "." };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		if (option == 'r')
			arguments->root = without_slashes(optarg);
		else if (option == 'a')
			arguments->against = optarg;
		else if (option == 'f')
			arguments->against_folder = optarg;
		else if (option == 'l')
			arguments->wants_rules = true;
		else if (option == 'e')
			arguments->explained = optarg;
		else
			return hm_raise(INVALID_ARGUMENT, "%s", usage);
	}
	if (arguments->against && arguments->against_folder)
		return hm_raise(INVALID_ARGUMENT, "--against and --against-folder: one of them\n%s", usage);
	arguments->files = argv + optind;
	arguments->n_files = (size_t)(argc - optind);
	return HM_OK;
}

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

/* NULL: no such rule. */
static const char *page_of(const char *rule)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!strcmp(pages[i].rule, rule))
			return pages[i].text;
	return NULL;
}

/* A page's third line. */
static void write_summary(struct hm_buffer *line, const char *page)
{
	const char *summary = page ? strstr(page, "\n\n") : NULL;

	summary = summary ? summary + 2 : "";
	hm_json_write_text(line, summary, strcspn(summary, "\n"));
}

static hm_status explain(const char *rule)
{
	const char *page = page_of(rule);

	if (!page)
		return hm_raise(NOT_FOUND, "no rule %s; --rules lists them", rule);
	fputs(page, stdout);
	return HM_OK;
}

static void print_rules(const struct rule *(*list)(size_t))
{
	const struct rule *rule;

	for (size_t i = 0; (rule = list(i)); i++) {
		struct hm_buffer line = { 0 };

		hm_buffer_printf(&line, "{\"rule\":\"%s\",\"category\":\"%s\",\"summary\":", rule->name,
				 rule->category);
		write_summary(&line, page_of(rule->name));
		printf("%s}\n", line.data);
		hm_buffer_fini(&line);
	}
}

/* ---- The check --------------------------------------------------------------------------------------------------- */

/* Files are named as the user sees them; protoc knows them from proto/ on. */
static hm_status name_files(struct check *check, const struct arguments *arguments)
{
	bool is_here = !strcmp(arguments->root, ".");
	const char *prefix =
		hm_arena_printf(&check->arena, "%s%sproto/", is_here ? "" : arguments->root, is_here ? "" : "/");
	char **names = hm_arena_alloc(&check->arena, arguments->n_files * sizeof(*names));

	for (size_t i = 0; i < arguments->n_files; i++) {
		const char *file = arguments->files[i] + (text_begins(arguments->files[i], "./") ? 2 : 0);

		if (!text_begins(file, prefix) || !text_ends(file, ".proto"))
			return hm_raise(INVALID_ARGUMENT, "%s is no contract below %s; --root names another folder",
					arguments->files[i], prefix);
		names[i] = hm_arena_strdup(&check->arena, file + strlen(prefix));
	}
	check->only = arguments->n_files ? names : NULL;
	check->n_only = arguments->n_files;
	return HM_OK;
}

static hm_status compare(struct check *check, const char *folder)
{
	struct contracts was;
	bool is_read;

	TRY(contracts_read(&check->arena, folder, NULL, &was, &is_read));
	check->was = &was;
	check_compare(check);
	check->was = NULL;
	return HM_OK;
}

static hm_status compare_revision(struct check *check, const char *revision)
{
	char folder[FOLDER_BYTES];
	hm_status status;

	TRY(folder_make(folder));
	status = history_extract(&check->arena, check->now.folder, revision, folder);
	if (status == HM_OK)
		status = compare(check, folder);
	folder_remove(folder);
	return status;
}

static hm_status run(struct check *check, const struct arguments *arguments)
{
	bool is_read;

	TRY(name_files(check, arguments));
	TRY(contracts_read(&check->arena, arguments->root, check, &check->now, &is_read));
	if (!is_read)
		return HM_OK;
	for (size_t i = 0; i < check->now.model.n_files; i++)
		if (check->now.model.files[i].to_generate)
			allows_collect(check, &check->now.model.files[i]);
	check_lint(check);
	if (arguments->against)
		TRY(compare_revision(check, arguments->against));
	if (arguments->against_folder)
		TRY(compare(check, arguments->against_folder));
	allows_settle(check);
	return HM_OK;
}

static hm_status obey(struct check *check, const struct arguments *arguments)
{
	if (arguments->explained)
		return explain(arguments->explained);
	if (!arguments->wants_rules)
		return run(check, arguments);
	print_rules(rules_lint);
	print_rules(rules_breaking);
	return HM_OK;
}

int main(int argc, char **argv)
{
	struct check check = { 0 };
	struct arguments arguments;
	hm_status status = read_arguments(argc, argv, &arguments);

	check.now.folder = arguments.root;
	if (status == HM_OK)
		status = obey(&check, &arguments);
	if (status == HM_OK)
		findings_print(&check);
	else
		fprintf(stderr, "hallmark-check-contracts: %s\n", hm_error_get()->message);
	hm_arena_fini(&check.arena);
	return status == HM_OK && !fflush(stdout) ? EXIT_SUCCESS : EXIT_NOT_DONE;
}
