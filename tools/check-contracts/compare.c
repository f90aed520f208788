/*
 * Compare: the walk over former contracts, each thing with what became of it: files by path, services, messages and enums by full
 * name, methods by name, fields and values by number. What travels nowhere may change freely.
 */
#include "rules.h"

static void judge(const struct look *look, unsigned kind)
{
	look_judge(look, rules_breaking, kind);
}

/* ---- Messages and enums ------------------------------------------------------------------------------------------ */

static const struct field *find_number(const struct message *message, int32_t number)
{
	for (size_t i = 0; i < message->n_fields; i++)
		if (message->fields[i].proto->number == number)
			return &message->fields[i];
	return NULL;
}

static void compare_fields(struct look look)
{
	const struct message *now = look.now.message, *was = look.was.message;

	for (size_t i = 0; i < was->n_fields; i++) {
		look.was.field = &was->fields[i];
		look.now.field = find_number(now, look.was.field->proto->number);
		look.now.path = look.now.field ? look.now.field->path : now->path;
		judge(&look, look.now.field ? OF_FIELD : OF_FIELD << GONE);
	}
	look.was.field = NULL;
	for (size_t i = 0; i < now->n_fields; i++) {
		look.now.field = &now->fields[i];
		look.now.path = look.now.field->path;
		if (!find_number(was, look.now.field->proto->number))
			judge(&look, OF_FIELD << ADDED);
	}
}

static struct message *find_message(struct contracts *contracts, const struct message *like)
{
	for (size_t i = 0; i < contracts->model.n_messages; i++)
		if (text_is(contracts->model.messages[i].full_name, like->full_name))
			return &contracts->model.messages[i];
	return NULL;
}

static void compare_message(struct look look, const struct message *was)
{
	const struct message *now = find_message(&look.check->now, was);

	if (!contracts_message_travels(look.check->was, was) || (was->proto->options && was->proto->options->map_entry))
		return;
	look.was.message = was;
	if (!now) {
		judge(&look, OF_MESSAGE << GONE);
		return;
	}
	look.now = (struct thing){ .file = now->file, .message = now, .path = now->path };
	judge(&look, OF_MESSAGE);
	compare_fields(look);
}

static const struct enumeration *find_enum(const struct contracts *contracts, const struct enumeration *like)
{
	for (size_t i = 0; i < contracts->model.n_enums; i++)
		if (text_is(contracts->model.enums[i].full_name, like->full_name))
			return &contracts->model.enums[i];
	return NULL;
}

static void compare_value(struct look look, const ValueProto *was)
{
	const struct enumeration *now = look.now.enumeration;

	look.was.value = was;
	for (size_t i = 0; i < now->proto->n_value; i++) {
		look.now.value = now->proto->value[i];
		look.now.path = path_join(&now->path, ENUM_VALUE, (int32_t)i);
		if (look.now.value->number == was->number) {
			judge(&look, OF_VALUE);
			return;
		}
	}
	look.now.value = NULL;
	look.now.path = now->path;
	judge(&look, OF_VALUE << GONE);
}

static void compare_enum(struct look look, const struct enumeration *was)
{
	const struct enumeration *now = find_enum(&look.check->now, was);

	if (!contracts_enum_travels(look.check->was, was))
		return;
	look.was.enumeration = was;
	if (!now) {
		judge(&look, OF_ENUM << GONE);
		return;
	}
	look.now = (struct thing){ .file = now->file, .enumeration = now, .path = now->path };
	judge(&look, OF_ENUM);
	for (size_t i = 0; i < was->proto->n_value; i++)
		compare_value(look, was->proto->value[i]);
}

/* ---- Services ---------------------------------------------------------------------------------------------------- */

static const struct method *find_method(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (text_is(service->methods[i].proto->name, name))
			return &service->methods[i];
	return NULL;
}

static void compare_service(struct look look, const struct service *was)
{
	look.was.service = was;
	for (size_t i = 0; i < look.now.file->n_services; i++)
		if (text_is(look.now.file->services[i].full_name, was->full_name))
			look.now.service = &look.now.file->services[i];
	if (look.now.service)
		look.now.path = look.now.service->path;
	judge(&look, look.now.service ? OF_SERVICE : OF_SERVICE << GONE);
	for (size_t i = 0; look.now.service && i < was->n_methods; i++) {
		look.was.method = &was->methods[i];
		look.now.method = find_method(look.now.service, look.was.method->proto->name);
		look.now.path = look.now.method ? look.now.method->path : look.now.service->path;
		judge(&look, look.now.method ? OF_METHOD : OF_METHOD << GONE);
	}
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static const struct file *find_file(const struct contracts *contracts, const char *name)
{
	for (size_t i = 0; i < contracts->model.n_files; i++)
		if (text_is(contracts->model.files[i].proto->name, name))
			return &contracts->model.files[i];
	return NULL;
}

/* A package that changes its name takes all names in it along: the change is one finding, at the package. */
static bool compare_package(const struct look *look)
{
	judge(look, OF_FILE);
	return text_is(look->now.file->proto->package, look->was.file->proto->package);
}

static void compare_file(struct check *check, const struct file *was)
{
	const struct model *model = &check->was->model;
	struct look look = { .check = check, .was = { .file = was } };

	look.now.file = find_file(&check->now, was->proto->name);
	look.now.path = (struct path){ .steps = { FILE_PACKAGE }, .n_steps = 1 };
	if (!look.now.file) {
		judge(&look, OF_FILE << GONE);
		return;
	}
	if (!compare_package(&look))
		return;
	for (size_t i = 0; i < was->n_services; i++)
		compare_service(look, &was->services[i]);
	for (size_t i = 0; i < model->n_messages; i++)
		if (model->messages[i].file == was)
			compare_message(look, &model->messages[i]);
	for (size_t i = 0; i < model->n_enums; i++)
		if (model->enums[i].file == was)
			compare_enum(look, &model->enums[i]);
}

void check_compare(struct check *check)
{
	for (size_t i = 0; i < check->was->model.n_files; i++)
		if (check->was->model.files[i].to_generate)
			compare_file(check, &check->was->model.files[i]);
}
