/* Names: protoc-c's rules (its c_helpers.cc), restated. Identifiers in contracts are ASCII. */
#include "tools/contract/names.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"

static char *kept(struct hm_arena *arena, struct hm_buffer *text)
{
	char *name = hm_arena_dup(arena, text->data ? text->data : "", text->size);

	hm_buffer_fini(text);
	return name;
}

static void add_char(struct hm_buffer *text, int c)
{
	hm_buffer_add(text, &(char){ (char)c }, 1);
}

char *name_type(struct hm_arena *arena, const char *dotted)
{
	struct hm_buffer text = { 0 };
	bool first = true;

	for (; *dotted; dotted++) {
		if (*dotted == '.')
			hm_buffer_add_text(&text, "__");
		else if (*dotted != '_')
			add_char(&text, first ? toupper(*dotted) : *dotted);
		first = *dotted == '.' || *dotted == '_';
	}
	return kept(arena, &text);
}

/* An underscore stands before each capital that does not follow another one, nor a piece's beginning. */
char *name_lower(struct hm_arena *arena, const char *dotted)
{
	struct hm_buffer text = { 0 };
	bool was_upper = true;

	for (; *dotted; dotted++) {
		bool is_upper = isupper(*dotted);

		if (*dotted == '.') {
			hm_buffer_add_text(&text, "__");
			was_upper = true;
			continue;
		}
		if (is_upper && !was_upper)
			add_char(&text, '_');
		add_char(&text, tolower(*dotted));
		was_upper = is_upper;
	}
	return kept(arena, &text);
}

char *name_snake(struct hm_arena *arena, const char *camel)
{
	return name_lower(arena, camel);
}

char *name_macro(struct hm_arena *arena, const char *lower)
{
	struct hm_buffer text = { 0 };

	for (; *lower; lower++)
		if (*lower != '_' || lower[1] != '_')
			add_char(&text, toupper(*lower));
	return kept(arena, &text);
}

bool name_is_keyword(const char *word)
{
	static const char *const words[] = {
		"alignas",   "alignof",  "auto",     "bool",    "break",  "case",          "char",         "const",
		"constexpr", "continue", "default",  "do",      "double", "else",          "enum",         "extern",
		"false",     "float",    "for",      "goto",    "if",     "inline",        "int",          "long",
		"nullptr",   "register", "restrict", "return",  "short",  "signed",        "sizeof",       "static",
		"struct",    "switch",   "true",     "typedef", "typeof", "union",         "unsigned",     "void",
		"volatile",  "while",    "asm",      "unix",    "linux",  "static_assert", "thread_local",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}
