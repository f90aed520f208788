/* Contract pages: taken apart line by line; a test that meets a page of another form fails. */
#include "tests/contract_pages.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"

enum { FOLDERS_OPEN_MAX = 16, MESSAGES_MAX = 32 };

static struct hm_arena arena; /* what the pages of a test are made of */

static bool begins(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

/* ---- Pages ------------------------------------------------------------------------------------------------------- */

static char *slurp(const char *path)
{
	struct hm_buffer text = { 0 };
	FILE *file = fopen(path, "re");
	size_t got;

	cr_assert(file, "cannot open %s", path);
	do {
		got = fread(hm_buffer_reserve(&text, BUFSIZ), 1, BUFSIZ, file);
		hm_buffer_advance(&text, got);
	} while (got);
	fclose(file);
	char *kept = hm_arena_dup(&arena, text.data, text.size);
	hm_buffer_fini(&text);
	return kept;
}

/* Takes what stands up to a mark, which must be there; what follows it is left in *rest. */
static char *take_to(char **rest, const char *mark, const char *path)
{
	char *found = strstr(*rest, mark), *taken = *rest;

	cr_assert(found, "%s: no \"%s\" where one belongs", path, mark);
	*found = '\0';
	*rest = found + strlen(mark);
	return taken;
}

static char *take_block(char **rest, const char *kind, const char *path)
{
	char *before = take_to(rest, hm_arena_printf(&arena, "```proto%s\n", kind), path);

	cr_assert(!*before || !strcmp(before, "\n"), "%s: \"%s\" before a block", path, before);
	return take_to(rest, "```\n", path);
}

struct contract_page contract_page_read(const char *path)
{
	char *rest = slurp(path);
	struct contract_page page = { 0 };
	bool is_pair = strstr(rest, "```proto before\n");

	cr_assert_eq(*take_to(&rest, "# ", path), '\0');
	page.rule = take_to(&rest, "\n\n", path);
	page.summary = take_to(&rest, "\n\n## Why\n\n", path);
	cr_assert(!strchr(page.summary, '\n'), "%s: the summary is one line", path);
	cr_assert_gt(strlen(take_to(&rest, "\n\n## Bad\n\n", path)), 20, "%s: say why", path);
	if (is_pair)
		page.bad_before = take_block(&rest, " before", path);
	page.bad = take_block(&rest, is_pair ? " after" : "", path);
	take_to(&rest, "\n## Good\n\n", path);
	if (is_pair)
		page.good_before = take_block(&rest, " before", path);
	page.good = take_block(&rest, is_pair ? " after" : "", path);
	cr_assert_eq(*rest, '\0', "%s: \"%s\" at the end", path, rest);
	return page;
}

/* ---- What a block leaves out ------------------------------------------------------------------------------------- */

static const char *next_line(const char *at)
{
	const char *end = strchr(at, '\n');

	return end ? end + 1 : at + strlen(at);
}

static bool has_line(const char *text, const char *begin)
{
	for (; *text; text = next_line(text))
		if (begins(text, begin))
			return true;
	return false;
}

static bool declares(const char *text, const char *message)
{
	return has_line(text, hm_arena_printf(&arena, "message %s ", message));
}

/* "(FollowRequest)" and "(stream Follow)": messages that are named, and not those of other packages. */
static void declare_messages(struct hm_buffer *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	char *text = hm_arena_strdup(&arena, out->data);

	for (const char *at = text; (at = strchr(at, '('));) {
		at++;
		at += begins(at, "stream ") ? strlen("stream ") : 0;
		size_t size = strspn(at, letters);
		const char *name = hm_arena_dup(&arena, at, size);

		if (at[size] == ')' && isupper((unsigned char)*at) && !declares(out->data, name))
			hm_buffer_printf(out, "\nmessage %s {\n}\n", name);
	}
}

static void begin_service(struct hm_buffer *out)
{
	hm_buffer_add_text(out,
			   "\n// Follows keeps who follows whom.\nservice Follows {\n"
			   "  option (hallmark.service) = { schema: \"follows\" };\n"
			   "  // ListAudit lists the audit entries, newest first.\n"
			   "  rpc ListAudit(hallmark.ListAuditRequest) returns (hallmark.ListAuditReply) {\n"
			   "    option idempotency_level = NO_SIDE_EFFECTS;\n"
			   "    option (hallmark.method) = { effect: READ, event: \"audit.listed\", entity: \"audit\", "
			   "permission: \"follows.audit.read\" };\n  }\n");
}

/* Methods in a service: all lines up to the first message or enum. */
static void wrap_methods(struct hm_buffer *out, const char *text)
{
	const char *rest = text;

	while (*rest && !begins(rest, "message ") && !begins(rest, "enum "))
		rest = next_line(rest);
	begin_service(out);
	hm_buffer_add(out, text, (size_t)(rest - text));
	hm_buffer_printf(out, "}\n%s", rest);
	declare_messages(out);
}

/* A method for each request and reply. */
static void wrap_messages(struct hm_buffer *out, const char *text)
{
	begin_service(out);
	for (const char *line = text; *line; line = next_line(line)) {
		size_t size = begins(line, "message ") ? strcspn(line + 8, " ") : 0;
		const char *name = hm_arena_dup(&arena, line + 8, size), *end;

		end = size > 7 && !strcmp(name + size - 7, "Request") ? name + size - 7
		      : size > 5 && !strcmp(name + size - 5, "Reply") ? name + size - 5
								      : NULL;
		if (!end || strstr(out->data, hm_arena_printf(&arena, "rpc %.*s(", (int)(end - name), name)))
			continue;
		name = hm_arena_dup(&arena, name, (size_t)(end - name));
		hm_buffer_printf(out,
				 "  // %s does it.\n  rpc %s(%sRequest) returns (%sReply) {\n"
				 "    option (hallmark.method) = { effect: NONE, public: true };\n  }\n",
				 name, name, name, name);
	}
	hm_buffer_printf(out, "}\n%s", text);
	declare_messages(out);
}

static void add_head(struct hm_buffer *out, const char *path, const char *text)
{
	char *package = hm_arena_strdup(&arena, path + strlen("proto/"));
	int name_size = (int)strcspn(package, "/");

	*strrchr(package, '/') = '\0';
	for (char *c = package; *c; c++)
		if (*c == '/')
			*c = '.';
	hm_buffer_printf(out, "// What is said of follows.\n\nsyntax = \"proto2\";\npackage %s;\n", package);
	if (strstr(text, "google.protobuf.Timestamp"))
		hm_buffer_add_text(out, "import \"google/protobuf/timestamp.proto\";\n");
	if (strstr(text, "hallmark.ListAudit"))
		hm_buffer_add_text(out, "import \"hallmark/audit.proto\";\n");
	if (strstr(text, "(hallmark."))
		hm_buffer_add_text(out, "import \"hallmark/options.proto\";\n");
	hm_buffer_printf(out,
			 "import \"protobuf-c/protobuf-c.proto\";\n"
			 "option (pb_c_file) = { c_package: \"%.*s\", const_strings: true };\n",
			 name_size, package);
}

static char *complete(const char *path, const char *text)
{
	struct hm_buffer body = { 0 }, whole = { 0 };

	if (has_line(text, "syntax "))
		return hm_arena_strdup(&arena, text);
	if (has_line(text, "rpc "))
		wrap_methods(&body, text);
	else if (!has_line(text, "service ") && (strstr(text, "Request {") || strstr(text, "Reply {")))
		wrap_messages(&body, text);
	else
		hm_buffer_add_text(&body, text);
	hm_buffer_add_text(&body, "");
	add_head(&whole, path, body.data);
	hm_buffer_add(&whole, body.data, body.size);
	char *kept = hm_arena_dup(&arena, whole.data, whole.size);
	hm_buffer_fini(&body);
	hm_buffer_fini(&whole);
	return kept;
}

/* ---- Trees ------------------------------------------------------------------------------------------------------- */

static void want(struct wanted *wanted, const char *path, int line)
{
	cr_assert_lt(wanted->count, WANTED_MAX);
	wanted->places[wanted->count].file = hm_arena_strdup(&arena, path);
	wanted->places[wanted->count++].line = line;
}

static void want_marked(struct wanted *wanted, const char *path, const char *text)
{
	int number = 1;

	for (const char *line = text; *line; line = next_line(line), number++) {
		const char *mark = strstr(line, "// here\n");

		if (mark && mark < next_line(line))
			want(wanted, path, number);
	}
}

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static void write_contract(const char *folder, const char *path, const char *text, struct wanted *wanted)
{
	char *full = hm_arena_printf(&arena, "%s/%s", folder, path), *whole = complete(path, text);
	FILE *file;

	make_folders(full);
	file = fopen(full, "we");
	cr_assert(file, "cannot write %s", full);
	cr_assert_geq(fputs(whole, file), 0);
	cr_assert_eq(fclose(file), 0);
	want_marked(wanted, path, whole);
}

/* One contract of a block: its first line, if that names it, and what is up to the next such line. */
static const char *write_part(const char *folder, const char *part, struct wanted *wanted)
{
	const char *path = "proto/follows/v1/follows.proto", *text = part, *end;
	bool is_gone = false;

	if (begins(part, "// proto/")) {
		const char *line = hm_arena_dup(&arena, part + 3, strcspn(part + 3, "\n"));

		path = hm_arena_dup(&arena, line, strcspn(line, " :"));
		text = next_line(part);
		is_gone = strstr(line, " gone");
		if (strstr(line, " here"))
			want(wanted, path, 1);
	}
	for (end = text; *end && !begins(end, "// proto/");)
		end = next_line(end);
	if (!is_gone)
		write_contract(folder, path, hm_arena_dup(&arena, text, (size_t)(end - text)), wanted);
	return end;
}

char *contract_tree(const char *block, struct wanted *ret_wanted)
{
	char *folder = hm_arena_strdup(&arena, "/tmp/hm-contracts-XXXXXX"), hallmark[PATH_MAX];

	*ret_wanted = (struct wanted){ 0 };
	cr_assert(mkdtemp(folder), "no folder %s", folder);
	do {
		block = write_part(folder, block, ret_wanted);
	} while (*block);
	make_folders(hm_arena_printf(&arena, "%s/proto/", folder));
	cr_assert(realpath("proto/hallmark", hallmark), "run it in the repository's root");
	cr_assert_eq(symlink(hallmark, hm_arena_printf(&arena, "%s/proto/hallmark", folder)), 0);
	return folder;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
	(void)stat, (void)kind, (void)place;
	return remove(path);
}

void contract_tree_remove(const char *folder)
{
	cr_expect_eq(nftw(folder, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS), 0, "%s stays", folder);
}
