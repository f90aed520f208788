/* Lint: the walk over contracts, each thing with all that is around it. */
#include "rules.h"

static void judge(const struct look *look, unsigned kind)
{
	look_judge(look, rules_lint, kind);
}

static void walk_message(struct look look, const struct message *message)
{
	if (message->proto->options && message->proto->options->map_entry)
		return; /* protoc made it of a map, which is judged where it stands */
	look.now.message = message;
	look.now.path = message->path;
	judge(&look, OF_MESSAGE);
	for (size_t i = 0; i < message->n_fields; i++) {
		look.now.field = &message->fields[i];
		look.now.path = look.now.field->path;
		judge(&look, OF_FIELD);
	}
}

static void walk_enum(struct look look, const struct enumeration *enumeration)
{
	look.now.enumeration = enumeration;
	look.now.path = enumeration->path;
	judge(&look, OF_ENUM);
	for (size_t i = 0; i < enumeration->proto->n_value; i++) {
		look.now.value = enumeration->proto->value[i];
		look.now.path = path_join(&enumeration->path, ENUM_VALUE, (int32_t)i);
		judge(&look, OF_VALUE);
	}
}

static void walk_service(struct look look, const struct service *service)
{
	look.now.service = service;
	look.now.path = service->path;
	judge(&look, OF_SERVICE);
	for (size_t i = 0; i < service->n_methods; i++) {
		look.now.method = &service->methods[i];
		look.now.path = look.now.method->path;
		judge(&look, OF_METHOD);
	}
}

static void walk_file(struct check *check, const struct file *file)
{
	const struct model *model = &check->now.model;
	struct look look = { .check = check, .now = { .file = file } };

	judge(&look, OF_FILE);
	for (size_t i = 0; i < file->n_services; i++)
		walk_service(look, &file->services[i]);
	for (size_t i = 0; i < model->n_messages; i++)
		if (model->messages[i].file == file)
			walk_message(look, &model->messages[i]);
	for (size_t i = 0; i < model->n_enums; i++)
		if (model->enums[i].file == file)
			walk_enum(look, &model->enums[i]);
}

void check_lint(struct check *check)
{
	for (size_t i = 0; i < check->now.model.n_files; i++)
		if (check->now.model.files[i].to_generate)
			walk_file(check, &check->now.model.files[i]);
}
