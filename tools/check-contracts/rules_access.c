/* Rules of access: who may call, which brand it is about, and what must not get into logs. */
#include <string.h>

#include "rules.h"

enum { DEPTH_MAX = 16 }; /* messages may hold themselves */

static void permission_name(const struct look *look)
{
	const char *permission = look->now.method->options.permission, *service = look->now.file->short_name;
	struct path path = path_join(&look->now.method->path, METHOD_OPTIONS, OPTION_METHOD);
	size_t size = strlen(service);
	const char *rest;

	if (!permission)
		return;
	rest = text_begins(permission, service) && permission[size] == '.' ? permission + size + 1 : "";
	if (!*rest || permission[strspn(permission, "abcdefghijklmnopqrstuvwxyz0123456789_.")] ||
	    strstr(permission, "..") || text_ends(permission, "."))
		complain_at(look, &path,
			    "permission \"%s\" is not one of this service's; begin it with \"%s.\", in small letters",
			    permission, service);
}

static const struct service *find_service(const struct look *look, const char *short_name)
{
	const struct model *model = &look->check->now.model;

	for (size_t i = 0; i < model->n_files; i++)
		if (model->files[i].n_services && !strcmp(model->files[i].short_name, short_name))
			return &model->files[i].services[0];
	return NULL;
}

static void callers(const struct look *look)
{
	const struct texts *names = &look->now.method->options.callers;
	struct path path = path_join(&look->now.method->path, METHOD_OPTIONS, OPTION_METHOD);

	for (size_t i = 0; i < names->count; i++) {
		const struct service *caller = find_service(look, names->items[i]);

		if (!strcmp(names->items[i], "*"))
			continue;
		if (!caller)
			complain_at(look, &path,
				    "callers names \"%s\", and no contract has that service; correct the name",
				    names->items[i]);
		else if (!texts_have(&caller->options.calls, look->now.file->short_name))
			complain_at(look, &path,
				    "callers names %s, whose contract does not call %s; add it to its calls, or take "
				    "it from "
				    "here",
				    names->items[i], look->now.file->short_name);
	}
}

/* ---- Brands ------------------------------------------------------------------------------------------------------ */

/* Returns the first field, however deep, that a predicate holds for. */
static const struct field *find_field(const struct message *message, bool (*holds)(const struct field *), int depth)
{
	const struct field *found = NULL;

	for (size_t i = 0; message && depth && !found && i < message->n_fields; i++)
		found = holds(&message->fields[i]) ? &message->fields[i]
						   : find_field(message->fields[i].message, holds, depth - 1);
	return found;
}

static bool is_brand(const struct field *field)
{
	return !strcmp(field->proto->name, "brand_id") || !strcmp(field->proto->name, "brand");
}

static void request_brand(const struct look *look)
{
	const struct method *method = look->now.method;
	const struct field *field = find_field(method->request, is_brand, DEPTH_MAX);

	if (field && !method->options.only_brand && !method->options.callers.count)
		complain(look, "%s takes the brand as %s; a call's brand comes from its token: leave the field out",
			 method->proto->name, field->proto->name);
}

/* ---- Secrets and health information ------------------------------------------------------------------------------ */

static bool is_text(const struct field *field)
{
	return field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING ||
	       field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES;
}

/* By the name. A page's token is none. */
static bool is_secret(const struct field *field)
{
	static const char *const words[] = { "password", "passphrase", "secret", "token", "pin", NULL };
	const char *name = field->proto->name;

	return is_text(field) && text_in(text_last_word(name, '_'), words) && !text_ends(name, "page_token");
}

static void secret_audited(const struct look *look)
{
	const struct field *field = look->now.field;

	if (is_secret(field) && field->options.audited)
		complain(look, "%s would stand in the audit log for ever; take audited from it", field->proto->name);
}

static void secret_reply(const struct look *look)
{
	const struct method *method = look->now.method;
	struct path path = path_join(&method->path, METHOD_OPTIONS, OPTION_METHOD);
	const struct field *field = find_field(method->reply, is_secret, DEPTH_MAX);

	if (field && method->options.effect == HM_EFFECT_WRITE && !method->options.secret_reply)
		complain_at(look, &path,
			    "%s answers with %s, which is kept for calls made again; say secret_reply: true",
			    method->proto->name, field->proto->name);
}

static bool is_personal(const char *name)
{
	static const char *const words[] = { "email",        "phone",     "mobile",     "ssn",
					     "birth",        "birthday",  "birthdate",  "dob",
					     "diagnosis",    "diagnoses", "medication", "medications",
					     "prescription", "allergy",   "allergies",  "symptom",
					     "symptoms",     "biomarker", "biomarkers", "insurance",
					     "passport",     "mrn",       NULL };

	for (;;) {
		size_t size = strcspn(name, "_");

		for (const char *const *word = words; *word; word++)
			if (strlen(*word) == size && !strncmp(*word, name, size))
				return true;
		if (!name[size])
			return false;
		name += size + 1;
	}
}

static void phi(const struct look *look)
{
	const struct field *field = look->now.field;
	bool is_flag = field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL;

	if (is_flag || !contracts_message_travels(&look->check->now, look->now.message) ||
	    !is_personal(field->proto->name) || field->options.has_phi || field->options.audited)
		return;
	complain(look,
		 "%s looks like health or personal information; say phi: true, which keeps it out of the audit log, or "
		 "phi: false",
		 field->proto->name);
}

const struct rule rules_of_access[] = {
	{ "contract-permission-name", "access", OF_METHOD, permission_name },
	{ "contract-callers", "access", OF_METHOD, callers },
	{ "contract-request-brand", "access", OF_METHOD, request_brand },
	{ "contract-secret-audited", "access", OF_FIELD, secret_audited },
	{ "contract-secret-reply", "access", OF_METHOD, secret_reply },
	{ "contract-phi", "access", OF_FIELD, phi },
	{ 0 },
};
