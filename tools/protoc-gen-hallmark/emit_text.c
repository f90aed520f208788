/* Emit: strings and comments. */
#include <string.h>

#include "emit.h"

static void add_literal(struct hm_buffer *out, const char *text, size_t size)
{
	hm_buffer_add_text(out, "\"");
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			hm_buffer_add_text(out, "\\n");
		else if (text[i] == '"' || text[i] == '\\')
			hm_buffer_printf(out, "\\%c", text[i]);
		else if ((unsigned char)text[i] < ' ')
			hm_buffer_printf(out, "\\%03o", (unsigned)text[i]);
		else
			hm_buffer_add(out, &text[i], 1);
	}
	hm_buffer_add_text(out, "\"");
}

void emit_string(struct hm_buffer *out, const char *text, const char *indent)
{
	if (!text || !*text) {
		hm_buffer_add_text(out, text ? "\"\"" : "NULL");
		return;
	}
	for (const char *line = text; *line;) {
		size_t size = strcspn(line, "\n");

		size += line[size] == '\n';
		if (line != text)
			hm_buffer_printf(out, "\n%s", indent);
		add_literal(out, line, size);
		line += size;
	}
}

/* Neither may a comment end early nor look as if it began twice, which compilers warn about. */
static void add_comment_text(struct hm_buffer *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool is_mark = i && ((text[i - 1] == '*' && text[i] == '/') || (text[i - 1] == '/' && text[i] == '*'));

		if (is_mark)
			hm_buffer_add_text(out, " ");
		hm_buffer_add(out, &text[i], 1);
	}
}

void emit_comment_lines(struct hm_buffer *out, const char *text, const char *indent)
{
	while (*text) {
		size_t size = strcspn(text, "\n");

		hm_buffer_printf(out, size ? "%s * " : "%s *", indent);
		add_comment_text(out, text, size);
		hm_buffer_add_text(out, "\n");
		text += size + (text[size] == '\n');
	}
}

void emit_comment(struct hm_buffer *out, const char *text, const char *indent)
{
	if (!*text)
		return;
	if (strchr(text, '\n')) {
		hm_buffer_printf(out, "%s/*\n", indent);
		emit_comment_lines(out, text, indent);
		hm_buffer_printf(out, "%s */\n", indent);
		return;
	}
	hm_buffer_printf(out, "%s/* ", indent);
	add_comment_text(out, text, strlen(text));
	hm_buffer_add_text(out, " */\n");
}
