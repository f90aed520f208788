/* Findings: noted, allowed, sorted, printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rules.h"

/* ---- Allows ------------------------------------------------------------------------------------------------------ */

static bool is_prefix(const struct path *path, const struct path *of)
{
	return path->n_steps <= of->n_steps && !memcmp(path->steps, of->steps, path->n_steps * sizeof(*path->steps));
}

static bool is_allowed(struct check *check, const char *rule, const struct file *file, const struct path *path)
{
	for (struct allow *allow = check->allows; allow; allow = allow->next)
		if (allow->file == file && allow->has_reason && !strcmp(allow->rule, rule) &&
		    is_prefix(&allow->path, path)) {
			allow->is_used = true;
			return true;
		}
	return false;
}

static void collect(struct check *check, const struct file *file, const struct path *path, const char *comment)
{
	for (const char *at = comment; at && (at = strstr(at, SOURCE_ALLOW));) {
		struct allow *allow = hm_arena_zalloc(&check->arena, sizeof(*allow));
		const char *rule = at + strlen(SOURCE_ALLOW);
		size_t size = strcspn(rule, " \n");

		at = rule + size;
		*allow = (struct allow){
			.next = check->allows,
			.file = file,
			.path = *path,
			.position = source_position(file->proto, path),
			.rule = hm_arena_dup(&check->arena, rule, size),
			.has_reason = text_begins(at, " because ") && at[strlen(" because ")] > ' ',
		};
		check->allows = allow;
	}
}

/* What stands above syntax or package speaks of the whole file. */
static struct path covered(const Google__Protobuf__SourceCodeInfo__Location *location)
{
	struct path path = { 0 };

	if (location->n_path == 1 && (location->path[0] == FILE_SYNTAX || location->path[0] == FILE_PACKAGE))
		return path;
	for (; path.n_steps < location->n_path && path.n_steps < PATH_STEPS_MAX; path.n_steps++)
		path.steps[path.n_steps] = location->path[path.n_steps];
	return path;
}

void allows_collect(struct check *check, const struct file *file)
{
	const Google__Protobuf__SourceCodeInfo *info = file->proto->source_code_info;

	for (size_t i = 0; info && i < info->n_location; i++) {
		const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
		struct path path;

		if (!location->leading_comments && !location->trailing_comments &&
		    !location->n_leading_detached_comments)
			continue;
		path = covered(location);
		collect(check, file, &path, location->leading_comments);
		collect(check, file, &path, location->trailing_comments);
		for (size_t j = 0; j < location->n_leading_detached_comments; j++)
			collect(check, file, &path, location->leading_detached_comments[j]);
	}
}

static bool is_in(const struct rule *(*list)(size_t), const char *name)
{
	const struct rule *rule;

	for (size_t i = 0; (rule = list(i)); i++)
		if (!strcmp(rule->name, name))
			return true;
	return false;
}

/* An allow of a breaking rule may stay: what it speaks of is seen against an old revision alone. */
static const char *mistake(const struct allow *allow)
{
	if (is_in(rules_breaking, allow->rule))
		return allow->has_reason ? NULL : "gives no reason; end it with because …";
	if (!is_in(rules_lint, allow->rule))
		return "names no rule; --rules lists them";
	if (!allow->has_reason)
		return "gives no reason; end it with because …";
	return allow->is_used ? NULL : "allows nothing; remove it";
}

void allows_settle(struct check *check)
{
	for (struct allow *allow = check->allows; allow; allow = allow->next) {
		const char *words = mistake(allow);

		if (words)
			finding_add_at(check, "contract-allow", allow->file->proto->name, allow->position,
				       hm_arena_printf(&check->arena, SOURCE_ALLOW "%s %s", allow->rule, words));
	}
}

/* ---- Findings ---------------------------------------------------------------------------------------------------- */

static bool is_asked(const struct check *check, const char *file)
{
	for (size_t i = 0; i < check->n_only; i++)
		if (!strcmp(check->only[i], file))
			return true;
	return !check->only;
}

void finding_note(struct check *check, const char *rule, const char *file, struct position position,
		  const char *message)
{
	struct finding *finding = hm_arena_alloc(&check->arena, sizeof(*finding));
	bool is_here = !strcmp(check->now.folder, ".");

	*finding = (struct finding){
		.next = check->findings,
		.rule = rule,
		.file = hm_arena_printf(&check->arena, "%s%sproto/%s", is_here ? "" : check->now.folder,
					is_here ? "" : "/", file),
		.message = message,
		.line = position.line,
		.column = position.column,
	};
	check->findings = finding;
}

void finding_add_at(struct check *check, const char *rule, const char *file, struct position position,
		    const char *message)
{
	if (is_asked(check, file))
		finding_note(check, rule, file, position, message);
}

void finding_add(struct check *check, const char *rule, const struct file *file, const struct path *path,
		 const char *message)
{
	if (!is_allowed(check, rule, file, path))
		finding_add_at(check, rule, file->proto->name, source_position(file->proto, path), message);
}

static int compare(const void *left, const void *right)
{
	const struct finding *a = *(const struct finding *const *)left, *b = *(const struct finding *const *)right;
	int order = strcmp(a->file, b->file);

	if (!order)
		order = (a->line > b->line) - (a->line < b->line);
	if (!order)
		order = (a->column > b->column) - (a->column < b->column);
	if (!order)
		order = strcmp(a->rule, b->rule);
	return order ? order : strcmp(a->message, b->message);
}

static void add_member(struct hm_buffer *line, const char *key, const char *text)
{
	hm_buffer_printf(line, "%c\"%s\":", line->size ? ',' : '{', key);
	hm_json_write_text(line, text, strlen(text));
}

static void print(const struct finding *finding)
{
	struct hm_buffer line = { 0 };

	add_member(&line, "rule", finding->rule);
	add_member(&line, "file", finding->file);
	hm_buffer_printf(&line, ",\"line\":%d,\"column\":%d", finding->line, finding->column);
	add_member(&line, "message", finding->message);
	printf("%s}\n", line.data);
	hm_buffer_fini(&line);
}

void findings_print(struct check *check)
{
	const struct finding **sorted;
	size_t n = 0, i = 0;

	for (const struct finding *finding = check->findings; finding; finding = finding->next)
		n++;
	sorted = hm_arena_alloc(&check->arena, n * sizeof(*sorted));
	for (const struct finding *finding = check->findings; finding; finding = finding->next)
		sorted[i++] = finding;
	qsort(sorted, n, sizeof(*sorted), compare);
	for (i = 0; i < n; i++)
		print(sorted[i]);
}
