/* Findings: what was found, what is allowed, in the order of files and lines. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

void findings_place(const char *text, size_t size, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < offset && i < size; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (i + 1 >= size || ((unsigned char)text[i + 1] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static struct finding *add(struct check *check, const char *rule, const char *path, const char *message)
{
	struct finding *finding = hm_arena_zalloc(&check->arena, sizeof *finding);

	finding->rule = rule;
	finding->path = path;
	finding->message = message;
	finding->next = check->findings;
	check->findings = finding;
	check->n_findings++;
	return finding;
}

struct finding *finding_add(struct check *check, const char *rule, const struct file *file, size_t begin, size_t end,
			    const char *message)
{
	struct finding *finding;

	if (file->is_context)
		return NULL;
	finding = add(check, rule, file->path, message);
	finding->file = file;
	finding->begin = begin;
	finding->end = end;
	findings_place(file->text, file->size, begin, &finding->line, &finding->column);
	return finding;
}

void finding_add_at(struct check *check, const char *rule, const char *path, unsigned line, unsigned column,
		    const char *message)
{
	struct finding *finding = add(check, rule, path, message);

	finding->line = line;
	finding->column = column;
}

static bool allows(const struct allow *allow, const struct finding *finding)
{
	return *allow->reason && !strcmp(allow->rule, finding->rule) && finding->begin >= allow->begin &&
	       finding->begin < allow->end;
}

static void match(struct check *check, struct finding *finding)
{
	for (struct allow *allow = finding->file ? finding->file->allows : NULL; allow; allow = allow->next)
		if (allows(allow, finding)) {
			allow->n_used++;
			finding->allow = allow;
			check->n_findings--;
			check->n_allowed++;
			return;
		}
}

static void complain_of_allow(struct check *check, const struct allow *allow)
{
	const char *message;

	if (!rule_find(allow->rule))
		message = hm_arena_printf(&check->arena, "there is no rule \"%s\" to allow: hallmark check --rules",
					  allow->rule);
	else if (!*allow->reason)
		message = hm_arena_printf(&check->arena, "an exception says why: -- hallmark:allow %s because …",
					  allow->rule);
	else
		message = hm_arena_printf(&check->arena, "the statement does not break %s: take the exception away",
					  allow->rule);
	finding_add(check, "allow-says-why", allow->file, allow->at, allow->at, message);
}

static int by_place(const void *a, const void *b)
{
	const struct finding *left = *(const struct finding *const *)a, *right = *(const struct finding *const *)b;
	int order = strcmp(left->path, right->path);

	if (order)
		return order;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	if (left->column != right->column)
		return left->column < right->column ? -1 : 1;
	order = strcmp(left->rule, right->rule);
	return order ? order : strcmp(left->message, right->message);
}

/* What two ways led to is said once. */
static bool is_same(const struct finding *a, const struct finding *b)
{
	return a->line == b->line && a->column == b->column && !strcmp(a->rule, b->rule) && !strcmp(a->path, b->path) &&
	       !strcmp(a->message, b->message);
}

void findings_sort(struct check *check)
{
	size_t n = 0;
	struct finding **all, **tail = &check->findings;

	for (const struct finding *one = check->findings; one; one = one->next)
		n++;
	all = hm_arena_alloc(&check->arena, n * sizeof *all);
	n = 0;
	for (struct finding *one = check->findings; one; one = one->next)
		all[n++] = one;
	qsort(all, n, sizeof *all, by_place);
	for (size_t i = 0; i < n; i++) {
		if (i && is_same(all[i - 1], all[i])) {
			*(all[i]->allow ? &check->n_allowed : &check->n_findings) -= 1;
			all[i] = all[i - 1];
			continue;
		}
		*tail = all[i];
		tail = &all[i]->next;
	}
	*tail = NULL;
}

static void complain_of_allows(struct check *check, const struct file *file)
{
	for (; file; file = file->next)
		for (const struct allow *allow = file->allows; allow; allow = allow->next)
			if (!allow->n_used)
				complain_of_allow(check, allow);
}

void findings_settle(struct check *check)
{
	for (struct finding *one = check->findings; one; one = one->next)
		match(check, one);
	for (const struct group *group = check->groups; group; group = group->next) {
		complain_of_allows(check, group->files);
		complain_of_allows(check, group->queries_file);
	}
	findings_sort(check);
}
