/* The check of contracts as a program: git, folders, files, and what it says when it cannot do its work. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/child.h"
#include "tests/cli.h"
#include "tests/contract_pages.h"

enum { ARGUMENTS_MAX = 12, PATH_BYTES = 4096, COMMAND_BYTES = 2048 };

/* Runs the check: its arguments, then NULL. */
__attribute__((sentinel)) static struct child_result check(const char *argument, ...)
{
	static char program[PATH_BYTES];
	const char *argv[ARGUMENTS_MAX] = { program, argument };
	struct child_result result;
	va_list arguments;
	size_t n = 2;

	snprintf(program, sizeof(program), "%s-check-contracts", cli_program());
	va_start(arguments, argument);
	for (const char *next; argument && (next = va_arg(arguments, const char *)); argv[n++] = next)
		cr_assert_lt(n, ARGUMENTS_MAX - 1);
	va_end(arguments);
	cr_assert_eq(child_run(argv, NULL, &result), HM_OK, "%s", hm_error_get()->message);
	return result;
}

/* Runs a shell's line in a folder and returns what it printed; it must go well. */
__attribute__((format(printf, 2, 3))) static struct child_result shell(const char *folder, const char *format, ...)
{
	char command[COMMAND_BYTES];
	struct child_result result;
	va_list arguments;
	int n = snprintf(command, sizeof(command), "cd %s && ", folder);

	va_start(arguments, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, arguments);
	va_end(arguments);
	cr_assert_eq(child_run((const char *const[]){ "/bin/sh", "-c", command, NULL }, NULL, &result), HM_OK);
	cr_assert_eq(result.exit_code, 0, "%s\n%s", command, result.err.data);
	return result;
}

/* A silent run. */
#define shell_do(...)                                           \
	do {                                                    \
		struct child_result done_ = shell(__VA_ARGS__); \
		child_fini(&done_);                             \
	} while (0)

/* A folder with a contract in it. */
static char *tree_of(const char *block)
{
	struct wanted wanted;

	return contract_tree(block, &wanted);
}

/* The same, and all of it committed. */
static char *repository_of(const char *block)
{
	char *folder = tree_of(block);

	shell_do(folder, "git init -q . && git add -A && "
			 "git -c user.name=Ana -c user.email=ana@example.com commit -qm contracts");
	return folder;
}

static const char follow[] = "message Follow {\n  optional string id = 1;\n  optional string note = 2;\n}\n";

Test(check_contracts, finds_nothing_in_the_contracts_of_this_repository)
{
	struct child_result result = check(NULL, NULL);

	ends(result, 0);
	cr_expect_str_eq(result.out.data, "");
	child_fini(&result);
}

Test(check_contracts, names_files_from_the_working_directory_on)
{
	struct child_result result;
	char *folder = tree_of("message Follow {\n  optional int64 id = 1;\n}\n");
	char program[PATH_BYTES];

	cr_assert(realpath(cli_program(), program));
	result = shell(folder, "%s-check-contracts && cd proto && %s-check-contracts --root ../", program, program);
	shows(result.out.data, "\"file\":\"proto/follows/v1/follows.proto\"");
	shows(result.out.data, "\"file\":\"../proto/follows/v1/follows.proto\"");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, compares_with_a_revision_of_git_and_leaves_the_work_tree_alone)
{
	char *folder = repository_of(follow);
	struct child_result result, status;

	shell_do(folder, "sed -i '/note/d' proto/follows/v1/follows.proto && echo changed >> .git/info/exclude");
	result = check("--root", folder, "--against", "HEAD", NULL);
	ends(result, 0);
	shows(result.out.data, "\"rule\":\"contract-field-deleted\"");
	shows(result.out.data, "Follow.note is gone");
	status = shell(folder, "git status --porcelain");
	cr_expect_str_eq(status.out.data, " M proto/follows/v1/follows.proto\n");
	contract_tree_remove(folder);
	child_fini(&result);
	child_fini(&status);
}

Test(check_contracts, compares_a_folder_inside_a_repository_with_what_it_was)
{
	char *folder = repository_of(follow), inner[PATH_BYTES];
	struct child_result result;

	shell_do(folder, "mkdir inner && git mv proto inner/ && git -c user.name=Ana -c user.email=ana@example.com "
			 "commit -qm moved "
			 "&& sed -i 's/note/reason/' inner/proto/follows/v1/follows.proto");
	snprintf(inner, sizeof(inner), "%s/inner", folder);
	result = check("--root", inner, "--against", "HEAD", NULL);
	ends(result, 0);
	shows(result.out.data, "\"rule\":\"contract-field-renamed\"");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, finds_nothing_broken_when_nothing_has_changed)
{
	char *folder = repository_of(follow);
	struct child_result result = check("--root", folder, "--against", "HEAD", NULL);

	ends(result, 0);
	cr_expect_str_eq(result.out.data, "");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, lets_what_never_travels_change_freely)
{
	static const char service[] = "// Follow begins to follow.\nrpc Follow(FollowRequest) returns (FollowReply) {\n"
				      "  option (hallmark.method) = { effect: NONE, public: true };\n}\n";
	char before[COMMAND_BYTES], *folder, *former;
	struct child_result result;

	snprintf(before, sizeof(before), "%smessage FollowRow {\n  optional string id = 1;\n}\n", service);
	former = tree_of(before);
	folder = tree_of(service);
	result = check("--root", folder, "--against-folder", former, NULL);
	ends(result, 0);
	cr_expect_str_eq(result.out.data, "");
	contract_tree_remove(folder);
	contract_tree_remove(former);
	child_fini(&result);
}

Test(check_contracts, says_that_a_revision_is_unknown_and_what_git_says_of_it)
{
	char *folder = repository_of(follow);
	struct child_result result = check("--root", folder, "--against", "yesterday", NULL);

	ends(result, 2);
	shows(result.err.data, "cannot read proto/ at yesterday: ");
	cr_expect_str_eq(result.out.data, "");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, hands_git_no_option_for_a_revision)
{
	struct child_result result = check("--against", "--output=/tmp/elsewhere", NULL);

	ends(result, 2);
	shows(result.err.data, "is no revision of git");
	child_fini(&result);
}

Test(check_contracts, shows_of_files_that_were_named_and_of_no_others)
{
	static const char two[] = "// proto/follows/v1/follows.proto\nmessage Follow {\n  optional int64 id = 1;\n}\n"
				  "// proto/users/v1/users.proto\nmessage User {\n  optional int64 id = 1;\n}\n";
	char *folder = tree_of(two), path[PATH_BYTES];
	struct child_result result;

	snprintf(path, sizeof(path), "%s/proto/users/v1/users.proto", folder);
	result = check("--root", folder, path, NULL);
	ends(result, 0);
	cr_expect_eq(cli_lines(result.out.data), 1);
	shows(result.out.data, "users.proto");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, says_of_a_syntax_error_in_a_file_that_was_not_named_that_it_cannot_judge)
{
	static const char two[] = "// proto/follows/v1/follows.proto\nmessage Follow {\n  optional strin id = 1;\n}\n"
				  "// proto/users/v1/users.proto\nmessage User {\n  optional string id = 1;\n}\n";
	char *folder = tree_of(two), path[PATH_BYTES];
	struct child_result result;

	snprintf(path, sizeof(path), "%s/proto/users/v1/users.proto", folder);
	result = check("--root", folder, path, NULL);
	ends(result, 0);
	shows(result.out.data, "\"rule\":\"contract-syntax\"");
	shows(result.out.data, "follows.proto");
	contract_tree_remove(folder);
	child_fini(&result);
}

Test(check_contracts, refuses_files_that_are_no_contracts_of_the_folder)
{
	struct child_result result = check("Makefile", NULL);

	ends(result, 2);
	shows(result.err.data, "Makefile is no contract below proto/");
	child_fini(&result);
}

Test(check_contracts, says_that_there_are_no_contracts)
{
	struct child_result result = check("--root", "docs", NULL);

	ends(result, 2);
	shows(result.err.data, "no contracts below docs/proto");
	child_fini(&result);
}

Test(check_contracts, leaves_nothing_behind_in_the_folder_of_temporary_files)
{
	char *folder = repository_of(follow), temporary[PATH_BYTES];
	struct child_result result, left;

	snprintf(temporary, sizeof(temporary), "%s/tmp", folder);
	shell_do(folder, "mkdir tmp");
	cr_assert_eq(setenv("TMPDIR", temporary, 1), 0);
	result = check("--root", folder, "--against", "HEAD", NULL);
	ends(result, 0);
	child_fini(&result);
	result = check("--root", folder, "--against", "yesterday", NULL);
	ends(result, 2);
	left = shell(folder, "ls -A tmp");
	cr_expect_str_eq(left.out.data, "");
	contract_tree_remove(folder);
	child_fini(&result);
	child_fini(&left);
}

Test(check_contracts, explains_a_rule_with_its_page)
{
	struct child_result result = check("--explain", "contract-money", NULL),
			    other = check("--explain", "money", NULL);

	ends(result, 0);
	shows(result.out.data, "# contract-money\n");
	shows(result.out.data, "## Good\n");
	ends(other, 2);
	shows(other.err.data, "no rule money; --rules lists them");
	child_fini(&result);
	child_fini(&other);
}
