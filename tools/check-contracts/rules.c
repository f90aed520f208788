/* Rules: the list of them, and what they complain with. */
#include "rules.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

static const struct rule *nth(const struct rule *const *tables, size_t i)
{
	for (; *tables; tables++)
		for (const struct rule *rule = *tables; rule->name; rule++)
			if (!i--)
				return rule;
	return NULL;
}

const struct rule *rules_lint(size_t i)
{
	static const struct rule *const tables[] = { rules_of_files,
						     rules_of_names,
						     rules_of_comments,
						     rules_of_methods,
						     rules_of_access,
						     rules_of_fields,
						     NULL };

	return nth(tables, i);
}

const struct rule *rules_breaking(size_t i)
{
	static const struct rule *const tables[] = { breaks_of_files, breaks_of_messages, breaks_of_fields,
						     breaks_of_methods, NULL };

	return nth(tables, i);
}

void look_judge(const struct look *look, const struct rule *(*list)(size_t), unsigned kind)
{
	struct look seen = *look;

	for (size_t i = 0; (seen.rule = list(i)); i++)
		if (seen.rule->kinds & kind)
			seen.rule->judge(&seen);
}

static void complain_with(const struct look *look, const struct path *path, const char *format, va_list arguments)
{
	finding_add(look->check, look->rule->name, look->now.file, path,
		    hm_arena_vprintf(&look->check->arena, format, arguments));
}

void complain(const struct look *look, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_with(look, &look->now.path, format, arguments);
	va_end(arguments);
}

void complain_at(const struct look *look, const struct path *path, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_with(look, path, format, arguments);
	va_end(arguments);
}

/* ---- Words ------------------------------------------------------------------------------------------------------- */

bool text_is(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool text_begins(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

bool text_ends(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && !strcmp(text + size - end_size, end);
}

bool text_in(const char *text, const char *const *list)
{
	while (*list && strcmp(*list, text) != 0)
		list++;
	return *list;
}

bool texts_have(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (!strcmp(texts->items[i], text))
			return true;
	return false;
}

const char *text_last_word(const char *name, char separator)
{
	const char *last = strrchr(name, separator);

	return last ? last + 1 : name;
}

/* Words of letters and digits, one underscore between two. */
static bool is_words(const char *name, int (*is_letter)(int))
{
	if (!is_letter((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (*name == '_' ? !isalnum((unsigned char)name[1])
				 : !is_letter((unsigned char)*name) && !isdigit((unsigned char)*name))
			return false;
	return true;
}

bool name_is_snake(const char *name)
{
	return is_words(name, islower);
}

bool name_is_upper(const char *name)
{
	return is_words(name, isupper);
}

bool name_is_pascal(const char *name)
{
	return isupper((unsigned char)*name) && !strchr(name, '_');
}

bool file_is_hallmarks(const struct file *file)
{
	return text_begins(file->proto->name, "hallmark/");
}

const char *package_version(const char *package)
{
	const char *word = package ? text_last_word(package, '.') : "";

	return *word == 'v' && word[1] >= '1' && word[1] <= '9' && word[1 + strspn(word + 1, "0123456789")] == '\0'
		       ? word
		       : NULL;
}
