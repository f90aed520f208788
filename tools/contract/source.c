/* Source: looking paths up in protoc's source_code_info, a list of {path, span, comments}. */
#include "tools/contract/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

typedef Google__Protobuf__FileDescriptorProto FileProto;
typedef Google__Protobuf__SourceCodeInfo__Location Location;

struct path path_join(const struct path *parent, int32_t field, int32_t index)
{
	struct path path = *parent;

	if (path.n_steps + 2 > PATH_STEPS_MAX)
		abort(); /* protoc's own parser nests less deeply */
	path.steps[path.n_steps++] = field;
	path.steps[path.n_steps++] = index;
	return path;
}

static const Location *find(const FileProto *file, const int32_t *steps, size_t n_steps)
{
	for (size_t i = 0; file->source_code_info && i < file->source_code_info->n_location; i++) {
		const Location *location = file->source_code_info->location[i];

		if (location->n_path == n_steps &&
		    (!n_steps || !memcmp(location->path, steps, n_steps * sizeof(*steps))))
			return location;
	}
	return NULL;
}

const Location *source_find(const FileProto *file, const struct path *path)
{
	return find(file, path->steps, path->n_steps);
}

struct position source_position(const FileProto *file, const struct path *path)
{
	for (size_t n = path->n_steps; n; n--) {
		const Location *location = find(file, path->steps, n);

		if (location && location->n_span >= 2)
			return (struct position){ location->span[0] + 1, location->span[1] + 1 };
	}
	return (struct position){ 1, 1 };
}

static size_t trimmed(const char *line, size_t size)
{
	while (size && isspace((unsigned char)line[size - 1]))
		size--;
	return size;
}

const char *source_comment(struct hm_arena *arena, const FileProto *file, const struct path *path)
{
	const Location *location = source_find(file, path);
	struct hm_buffer text = { 0 };

	if (!location || !location->leading_comments)
		return "";
	for (const char *line = location->leading_comments; *line;) {
		size_t size = strcspn(line, "\n");
		size_t indent = *line == ' ';

		if (strncmp(line + indent, SOURCE_ALLOW, strlen(SOURCE_ALLOW)) != 0) {
			hm_buffer_add(&text, line + indent, trimmed(line + indent, size - indent));
			hm_buffer_add_text(&text, "\n");
		}
		line += size + (line[size] == '\n');
	}
	const char *comment = hm_arena_dup(arena, text.size ? text.data : "", trimmed(text.data, text.size));
	hm_buffer_fini(&text);
	return comment;
}

static bool contains(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (!strcmp(texts->items[i], text))
			return true;
	return false;
}

struct texts comment_errors(struct hm_arena *arena, const char *comment)
{
	static const char word_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	struct texts errors = { hm_arena_alloc(arena, HM_STATUS_COUNT * sizeof(*errors.items)), 0 };

	for (comment += strcspn(comment, word_chars); *comment; comment += strcspn(comment, word_chars)) {
		size_t size = strspn(comment, word_chars);
		const char *word = hm_arena_dup(arena, comment, size);

		if (hm_status_find(word) > HM_OK && !contains(&errors, word))
			errors.items[errors.count++] = word;
		comment += size;
	}
	return errors;
}
