/* Travel: from each method's request and reply along the fields. */
#include "rules.h"

static bool has_service(const struct model *model, const char *package)
{
	for (size_t i = 0; i < model->n_files; i++)
		if (model->files[i].n_services && text_is(model->files[i].proto->package, package))
			return true;
	return false;
}

static void mark_enum(struct contracts *contracts, const char *absolute_name, unsigned char how)
{
	const struct model *model = &contracts->model;

	for (size_t i = 0; i < model->n_enums; i++)
		if (text_is(model->enums[i].full_name, absolute_name + 1))
			contracts->enums[i] |= how;
}

static void mark(struct contracts *contracts, const struct message *message, unsigned char how)
{
	size_t index = message ? (size_t)(message - contracts->model.messages) : 0;

	if (!message || (contracts->messages[index] & how) == how)
		return;
	contracts->messages[index] |= how;
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct field *field = &message->fields[i];

		if (field->message)
			mark(contracts, field->message, how);
		else if (field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM)
			mark_enum(contracts, field->proto->type_name, how);
	}
}

static void mark_methods(struct contracts *contracts, const struct service *service)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		mark(contracts, service->methods[i].request, TRAVELS_IN_REQUESTS);
		mark(contracts, service->methods[i].reply, TRAVELS_IN_REPLIES);
	}
}

/* Of packages that are made for others. */
static void mark_shared(struct contracts *contracts)
{
	const struct model *model = &contracts->model;
	enum { BOTH = TRAVELS_IN_REQUESTS | TRAVELS_IN_REPLIES };

	for (size_t i = 0; i < model->n_messages; i++)
		if (!has_service(model, model->messages[i].file->proto->package))
			mark(contracts, &model->messages[i], BOTH);
	for (size_t i = 0; i < model->n_enums; i++)
		if (!has_service(model, model->enums[i].file->proto->package))
			contracts->enums[i] |= BOTH;
}

void contracts_travel(struct hm_arena *arena, struct contracts *contracts)
{
	const struct model *model = &contracts->model;

	contracts->messages = hm_arena_zalloc(arena, model->n_messages);
	contracts->enums = hm_arena_zalloc(arena, model->n_enums);
	for (size_t i = 0; i < model->n_files; i++)
		for (size_t j = 0; j < model->files[i].n_services; j++)
			mark_methods(contracts, &model->files[i].services[j]);
	mark_shared(contracts);
}

unsigned contracts_message_travels(const struct contracts *contracts, const struct message *message)
{
	return contracts->messages[message - contracts->model.messages];
}

unsigned contracts_enum_travels(const struct contracts *contracts, const struct enumeration *enumeration)
{
	return contracts->enums[enumeration - contracts->model.enums];
}
