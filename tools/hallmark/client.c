/* Client: contexts, channels and JSON calls. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "client/traceparent.h"
#include "crypto/token.h"
#include "rpc/fault.h"
#include "wire/json.h"

enum { OPERATOR_TOKEN_S = 300 };

/* Operators are whoever may read the operator's key; the token is theirs for some minutes. */
static hm_status sign_operator(const struct options *options, struct hm_arena *arena, char **ret_token)
{
	static const char *const everything[] = { "*", NULL };
	SCOPED(hm_secret_key) key = NULL;
	char folder[PATH_BYTES], id_text[HM_ID_TEXT_BYTES];
	struct hm_id id = hm_id_new();
	int64_t now_us = hm_clock_wall_us();

	var_path(options, "keys", folder);
	TRY(hm_secret_key_open(folder, "operator", &key));
	hm_id_format(&id, id_text);
	return hm_token_sign(key,
			     &(struct hm_claims){ .subject = "operator",
						  .type = "operator",
						  .id = id_text,
						  .permissions = everything,
						  .issued_at_us = now_us,
						  .expires_at_us = now_us + (int64_t)OPERATOR_TOKEN_S * HM_US_PER_S },
			     arena, ret_token);
}

static bool is_file_name(const char *text)
{
	return *text && *text != '.' && !strchr(text, '/');
}

hm_status client_token_path(const struct options *options, char ret_path[PATH_BYTES])
{
	if (!options->brand || !options->as)
		return hm_raise(INVALID_ARGUMENT, "say whose token: --brand BRAND --as NAME");
	if (!is_file_name(options->brand) || !is_file_name(options->as))
		return hm_raise(INVALID_ARGUMENT, "--brand %s --as %s: not names", options->brand, options->as);
	snprintf(ret_path, PATH_BYTES, "%s/tokens/%s/%s", options->var, options->brand, options->as);
	return HM_OK;
}

static hm_status read_token(const struct options *options, struct hm_arena *arena, char **ret_token)
{
	char path[PATH_BYTES], token[HM_TOKEN_BYTES];
	FILE *file;
	size_t size;

	TRY(client_token_path(options, path));
	file = fopen(path, "r");
	if (!file)
		return hm_raise(UNAUTHENTICATED, "no token of %s in brand %s: hallmark token login --brand %s --as %s",
				options->as, options->brand, options->brand, options->as);
	size = fread(token, 1, sizeof token, file);
	fclose(file);
	while (size && token[size - 1] == '\n')
		size--;
	*ret_token = hm_arena_dup(arena, token, size);
	explicit_bzero(token, sizeof token);
	return HM_OK;
}

static hm_status find_token(const struct options *options, struct hm_arena *arena, char **ret_token)
{
	*ret_token = NULL;
	if (!options->as)
		return HM_OK;
	if (!strcmp(options->as, "operator"))
		return sign_operator(options, arena, ret_token);
	return read_token(options, arena, ret_token);
}

static hm_status set_request(const struct options *options, struct hm_context *context)
{
	if (!options->request || hm_id_parse(options->request, &context->request_id) ||
	    hm_context_set_traceparent(context, options->request) == HM_OK)
		return HM_OK;
	return hm_raise(INVALID_ARGUMENT, "--request %s: neither a UUID nor a traceparent", options->request);
}

/* What is wrong with a rule is said before a server says it, or passes over it. */
static hm_status set_fault(const struct options *options, struct hm_context *context)
{
	struct hm_fault_rules rules;

	if (!options->fault)
		return HM_OK;
	context->fault = options->fault;
	return hm_fault_parse_own(hm_arena_strdup(&context->arena, options->fault), &rules);
}

hm_status client_open(const struct options *options, struct hm_context **ret_context)
{
	struct hm_arena arena = { 0 };
	char *token;
	hm_status status = find_token(options, &arena, &token);

	if (status == HM_OK)
		status = hm_context_open(options->brand ? options->brand : "", token, ret_context);
	if (status == HM_OK && options->timeout_ms)
		hm_context_set_timeout(*ret_context, options->timeout_ms);
	if (status == HM_OK)
		status = set_request(options, *ret_context);
	if (status == HM_OK)
		status = set_fault(options, *ret_context);
	hm_arena_wipe(&arena); /* it held the token */
	hm_arena_fini(&arena);
	return status;
}

hm_status client_endpoint(const struct options *options, const char *service)
{
	char url[PATH_BYTES + 64];

	if (hm_endpoint_get(service))
		return HM_OK;
	snprintf(url, sizeof url, "ipc://%s/run/%s.sock", options->var, service);
	return hm_endpoint_set(service, url);
}

hm_status client_channel(const struct options *options, const char *service, struct hm_channel **ret_channel)
{
	TRY(client_endpoint(options, service));
	return hm_channel_open(service, ret_channel);
}

/* A rule for servers would be passed over, and its writer be none the wiser. */
static hm_status open_faults(const char *path, struct hm_faults **ret_faults)
{
	SCOPED(hm_faults) faults = NULL;

	TRY(hm_faults_open(path, &faults));
	for (size_t i = 0; i < faults->rules.n; i++)
		if (faults->rules.rules[i].at != HM_FAULT_AT_CALLER)
			return hm_raise(INVALID_ARGUMENT,
					"%s: rule %zu is for a server, and this process calls: write at=caller", path,
					i + 1);
	*ret_faults = take(&faults);
	return HM_OK;
}

hm_status client_call_channel(const struct options *options, const char *service, struct hm_channel **ret_channel)
{
	static struct hm_faults *faults; /* as long as the process, and so its channels, live */
	SCOPED(hm_channel) channel = NULL;

	if (options->faults && !faults)
		TRY(open_faults(options->faults, &faults));
	TRY(client_channel(options, service, &channel));
	hm_channel_set_faults(channel, faults);
	*ret_channel = take(&channel);
	return HM_OK;
}

hm_status client_call(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
		      const char *json, size_t json_bytes, struct hm_buffer *ret_reply, struct call_ids *ret_ids)
{
	ProtobufCMessage *request, *reply;
	hm_status status;

	*ret_ids = (struct call_ids){ 0 };
	TRY(hm_json_parse(&context->arena, method->request, json, json_bytes, &request));
	status = hm_channel_call(channel, context, method, request, &reply);
	*ret_ids = (struct call_ids){ context->request_id, context->audit_id, context->attempts };
	TRY(status);
	hm_json_write(ret_reply, reply);
	return HM_OK;
}
