/*
 * Read: protoc parses, and hands over a google.protobuf.FileDescriptorSet; what it says of contracts it will not have, or not as they
 * are, are lines of "FILE:LINE:COLUMN: words".
 */
#include <glob.h>
#include <google/protobuf/descriptor.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "rules.h"

struct names {
	const char **items;
	size_t count;
};

/* ---- Which files ------------------------------------------------------------------------------------------------- */

static bool has(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->items[i], name))
			return true;
	return false;
}

static void add_matches(struct hm_arena *arena, const char *folder, const char *pattern, glob_t *found)
{
	glob(hm_arena_printf(arena, "%s/proto/%s", folder, pattern), found->gl_pathc ? GLOB_APPEND : 0, NULL, found);
}

/* Every contract below the folder, by the names protoc knows them by, and the files that were named besides. */
static struct names list(struct hm_arena *arena, const char *folder, const struct check *check)
{
	size_t skip = strlen(folder) + strlen("/proto/");
	struct names names = { 0 };
	glob_t found = { 0 };

	add_matches(arena, folder, "*/v*/*.proto", &found);
	add_matches(arena, folder, "hallmark/*.proto", &found);
	names.items = hm_arena_alloc(arena, (found.gl_pathc + (check ? check->n_only : 0)) * sizeof(*names.items));
	for (size_t i = 0; i < found.gl_pathc; i++)
		names.items[names.count++] = hm_arena_strdup(arena, found.gl_pathv[i] + skip);
	for (size_t i = 0; check && i < check->n_only; i++)
		if (!has(&names, check->only[i]))
			names.items[names.count++] = check->only[i];
	globfree(&found);
	return names;
}

/* ---- What protoc says -------------------------------------------------------------------------------------------- */

static const char *skip_number(const char *text, int *ret_number)
{
	char *end;

	*ret_number = (int)strtol(text, &end, 10);
	return end > text && *end == ':' ? end + 1 : NULL;
}

/* "FILE:LINE:COLUMN: words" or "FILE: words"; NULL: neither. */
static const char *take_apart(char *line, struct position *ret_position)
{
	char *colon = strstr(line, ".proto:");
	const char *after_line, *after_column = NULL;

	if (!colon)
		return NULL;
	colon += strlen(".proto");
	*colon++ = '\0';
	*ret_position = (struct position){ 1, 1 };
	if (*colon == ' ')
		return colon + 1;
	after_line = skip_number(colon, &ret_position->line);
	if (after_line)
		after_column = skip_number(after_line, &ret_position->column);
	return after_column && *after_column == ' ' ? after_column + 1 : NULL;
}

static bool note_line(struct check *check, char *line)
{
	struct position position;
	const char *words = take_apart(line, &position);

	if (!words)
		return false;
	if (text_begins(words, "warning: Import ") && text_ends(words, " is unused."))
		finding_add_at(check, "contract-import-unused", line, position,
			       hm_arena_printf(&check->arena, "import %.*s is not used; remove it",
					       (int)(strlen(words) - strlen("warning: Import  is unused.")),
					       words + strlen("warning: Import ")));
	else
		finding_note(check, "contract-syntax", line, position, words);
	return true;
}

/* Returns whether anything was understood. */
static bool note_lines(struct check *check, const struct hm_buffer *words)
{
	char *rest = hm_arena_strdup(&check->arena, words->data);
	bool any = false;

	for (char *line = strtok_r(rest, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		any |= note_line(check, line);
	return any;
}

/* ---- Running it -------------------------------------------------------------------------------------------------- */

static hm_status run_protoc(struct hm_arena *arena, const char *folder, const struct names *names,
			    const char *temporary, struct hm_buffer *words, int *ret_exit)
{
	const char *const head[] = { "protoc",
				     hm_arena_printf(arena, "-I%s/proto", folder),
				     "-I/usr/include",
				     "--include_imports",
				     "--include_source_info",
				     hm_arena_printf(arena, "--descriptor_set_out=%s/set", temporary) };
	size_t n_head = sizeof(head) / sizeof(*head);
	const char **argv = hm_arena_zalloc(arena, (n_head + names->count + 1) * sizeof(*argv));

	memcpy(argv, head, sizeof(head));
	for (size_t i = 0; i < names->count; i++)
		argv[n_head + i] = names->items[i];
	return process_run(argv, temporary, words, ret_exit);
}

static void *allocate(void *arena, size_t size)
{
	return hm_arena_alloc(arena, size);
}

static void leave(void *arena, void *memory)
{
	(void)arena, (void)memory;
}

static hm_status unpack(struct hm_arena *arena, const char *temporary, const struct names *names,
			struct contracts *contracts)
{
	ProtobufCAllocator allocator = { allocate, leave, arena };
	Google__Protobuf__FileDescriptorSet *set = NULL;
	struct hm_buffer bytes = { 0 };
	hm_status status = file_read(hm_arena_printf(arena, "%s/set", temporary), &bytes);

	if (status == HM_OK)
		set = google__protobuf__file_descriptor_set__unpack(&allocator, bytes.size, (uint8_t *)bytes.data);
	hm_buffer_fini(&bytes);
	TRY(status);
	if (!set)
		return hm_raise(INTERNAL, "what protoc wrote is no FileDescriptorSet");
	TRY(model_build(arena,
			&(struct model_source){ set->file, set->n_file, (char *const *)(uintptr_t)names->items,
						names->count, "proto" },
			&contracts->model));
	contracts_travel(arena, contracts);
	return HM_OK;
}

static hm_status read_in(struct hm_arena *arena, const char *temporary, struct check *check, const struct names *names,
			 struct hm_buffer *words, struct contracts *contracts, bool *ret_is_read)
{
	bool is_understood = false;
	int exit_status = 0;

	TRY(run_protoc(arena, contracts->folder, names, temporary, words, &exit_status));
	if (check)
		is_understood = note_lines(check, words);
	*ret_is_read = !exit_status;
	if (exit_status && !is_understood)
		return hm_raise(INVALID_ARGUMENT, "protoc refuses the contracts below %s: %s", contracts->folder,
				words->data);
	return exit_status ? HM_OK : unpack(arena, temporary, names, contracts);
}

hm_status contracts_read(struct hm_arena *arena, const char *folder, struct check *check,
			 struct contracts *ret_contracts, bool *ret_is_read)
{
	struct names names = list(arena, folder, check);
	struct hm_buffer words = { 0 };
	char temporary[FOLDER_BYTES];
	hm_status status;

	*ret_contracts = (struct contracts){ .folder = folder };
	*ret_is_read = false;
	if (!names.count)
		return hm_raise(NOT_FOUND, "no contracts below %s/proto; --root names another folder", folder);
	TRY(folder_make(temporary));
	status = read_in(arena, temporary, check, &names, &words, ret_contracts, ret_is_read);
	hm_buffer_fini(&words);
	folder_remove(temporary);
	return status;
}
