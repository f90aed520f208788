/* Rules of files: where a contract lies, what it imports, what of protobuf it does without. */
#include <limits.h>
#include <string.h>

#include "rules.h"

enum { FIELD_NUMBER_END = 536870912 }; /* "to max", as a message's descriptor has it */

static const char *folder_package(struct hm_arena *arena, const struct file *file)
{
	char *package = hm_arena_strdup(arena, file->stem);
	char *slash = strrchr(package, '/');

	if (slash)
		*slash = '\0';
	for (char *c = package; *c; c++)
		if (*c == '/')
			*c = '.';
	return package;
}

static void package(const struct look *look)
{
	const char *package = look->now.file->proto->package ? look->now.file->proto->package : "";
	const char *wanted = folder_package(&look->check->arena, look->now.file);
	const struct path path = { .steps = { FILE_PACKAGE }, .n_steps = 1 };

	if (file_is_hallmarks(look->now.file))
		return;
	if (strcmp(package, wanted) != 0)
		complain_at(look, &path, "package %s lies in the folder of %s; let the package be the folder's name",
			    *package ? package : "(none)", wanted);
	else if (!package_version(package))
		complain_at(look, &path, "package %s has no version; end it with one, as %s.v1", package, package);
}

/* The last word of the package that is no version: "health" of grpc.health.v1. */
static const char *wanted_c_package(struct hm_arena *arena, const char *package)
{
	const char *version = package_version(package);
	char *name = hm_arena_strdup(arena, package);

	if (version && version > package + 1)
		name[version - package - 1] = '\0';
	return text_last_word(name, '.');
}

static void c_package(const struct look *look)
{
	const struct file *file = look->now.file;
	const char *wanted = wanted_c_package(&look->check->arena, file->proto->package ? file->proto->package : "");
	struct path path = path_join(&(struct path){ 0 }, FILE_OPTIONS, OPTION_PB_C_FILE);

	if (!file->options.no_generate && !text_is(file->options.c_package, wanted))
		complain_at(look, &path, "c_package is %s; say c_package: \"%s\", which names its types in C",
			    file->options.c_package ? file->options.c_package : "not said", wanted);
}

static void file_name(const struct look *look)
{
	const struct file *file = look->now.file;
	const char *name = text_last_word(file->stem, '/');

	if (!name_is_snake(name))
		complain(look, "%s.proto is not lower_snake_case; rename the file", name);
	else if (file->n_services && !file_is_hallmarks(file) && strcmp(name, file->short_name) != 0)
		complain(look, "%s.proto has the service of %s; call the file %s.proto, where the build looks for it",
			 name, file->proto->package, file->short_name);
}

/* ---- Imports ----------------------------------------------------------------------------------------------------- */

static const struct file *imported_file(const struct look *look, const char *name)
{
	const struct model *model = &look->check->now.model;

	for (size_t i = 0; i < model->n_files; i++)
		if (!strcmp(model->files[i].proto->name, name))
			return &model->files[i];
	return NULL;
}

static const struct service *service_of(const struct look *look, const char *short_name)
{
	const struct model *model = &look->check->now.model;

	for (size_t i = 0; i < model->n_files; i++)
		if (model->files[i].n_services && !strcmp(model->files[i].short_name, short_name))
			return &model->files[i].services[0];
	return NULL;
}

static void import_service(const struct look *look)
{
	const struct file *file = look->now.file;
	const struct service *own = service_of(look, file->short_name);

	for (size_t i = 0; i < file->proto->n_dependency; i++) {
		struct path path = path_join(&(struct path){ 0 }, FILE_DEPENDENCY, (int32_t)i);
		const struct file *other = imported_file(look, file->proto->dependency[i]);

		if (!other || file_is_hallmarks(other) || !service_of(look, other->short_name) ||
		    !strcmp(other->short_name, file->short_name))
			continue;
		if (!own || !texts_have(&own->options.calls, other->short_name))
			complain_at(
				look, &path,
				"%s is the contract of %s, which this service does not call; keep its ids as strings, "
				"or say calls: [\"%s\"]",
				other->proto->name, other->short_name, other->short_name);
	}
}

static void import_public(const struct look *look)
{
	const FileProto *proto = look->now.file->proto;

	if (file_is_hallmarks(look->now.file))
		return;
	for (size_t i = 0; i < proto->n_public_dependency; i++) {
		struct path path = path_join(&(struct path){ 0 }, FILE_DEPENDENCY, proto->public_dependency[i]);

		complain_at(look, &path, "import public hands %s on to whoever imports this file; import it plainly",
			    proto->dependency[proto->public_dependency[i]]);
	}
	for (size_t i = 0; i < proto->n_weak_dependency; i++) {
		struct path path = path_join(&(struct path){ 0 }, FILE_DEPENDENCY, proto->weak_dependency[i]);

		complain_at(look, &path, "import weak means nothing in C; import %s plainly",
			    proto->dependency[proto->weak_dependency[i]]);
	}
}

/* ---- What contracts do without ----------------------------------------------------------------------------------- */

static void extension(const struct look *look)
{
	const struct file *file = look->now.file;
	const struct message *message = look->now.message;

	if (file_is_hallmarks(file))
		return;
	if (!message && file->proto->n_extension) {
		struct path path = path_join(&(struct path){ 0 }, FILE_EXTENSION, 0);

		complain_at(look, &path,
			    "extend adds to another contract's message; give the message a field of its own");
	}
	if (message && (message->proto->n_extension_range || message->proto->n_extension))
		complain(look, "%s is made for extensions, which neither JSON nor SQL know; use fields",
			 message->proto->name);
}

static const char *reserved_mistake(bool numbers, bool names, bool open)
{
	if (numbers && !names)
		return "reserves a number and no name; reserve the name as well, or JSON and SQL meet it again";
	if (names && !numbers)
		return "reserves a name and no number; reserve the number as well, or old bytes are read as something "
		       "new";
	return open ? "reserves all numbers up to max; reserve those that were used" : NULL;
}

static void reserved(const struct look *look)
{
	const MessageProto *message = look->now.message ? look->now.message->proto : NULL;
	const EnumProto *enumeration = message ? NULL : look->now.enumeration->proto;
	const char *words;
	bool open = false;

	for (size_t i = 0; message && i < message->n_reserved_range; i++)
		open |= message->reserved_range[i]->end >= FIELD_NUMBER_END;
	for (size_t i = 0; enumeration && i < enumeration->n_reserved_range; i++)
		open |= enumeration->reserved_range[i]->end == INT_MAX;
	words = message ? reserved_mistake(message->n_reserved_range, message->n_reserved_name, open)
			: reserved_mistake(enumeration->n_reserved_range, enumeration->n_reserved_name, open);
	if (words)
		complain(look, "%s %s", message ? message->name : enumeration->name, words);
}

const struct rule rules_of_files[] = {
	{ "contract-syntax", "files", 0, NULL }, /* protoc's own */
	{ "contract-import-unused", "files", 0, NULL }, /* protoc's warning */
	{ "contract-allow", "files", 0, NULL }, /* found when all others are done */
	{ "contract-package", "files", OF_FILE, package },
	{ "contract-c-package", "files", OF_FILE, c_package },
	{ "contract-file-name", "files", OF_FILE, file_name },
	{ "contract-import-service", "files", OF_FILE, import_service },
	{ "contract-import-public", "files", OF_FILE, import_public },
	{ "contract-extension", "files", OF_FILE | OF_MESSAGE, extension },
	{ "contract-reserved", "files", OF_MESSAGE | OF_ENUM, reserved },
	{ 0 },
};
