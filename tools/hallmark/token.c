/* token: get a user's access token by logging in, and keep it for --as; print what --as would send; revoke an operator's. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/text.h"
#include "client.h"
#include "host/revoked.h"
#include "password.h"

static hm_status make_folders(const struct options *options)
{
	char path[PATH_BYTES];
	int length = snprintf(path, sizeof path, "%s/tokens", options->var);

	if (mkdir(path, 0700) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the folder %s", path);
	snprintf(path + length, sizeof path - (size_t)length, "/%s", options->brand);
	if (mkdir(path, 0700) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the folder %s", path);
	return HM_OK;
}

static hm_status keep_token(const struct options *options, const char *token)
{
	char path[PATH_BYTES];
	size_t size = strlen(token);
	ssize_t written;
	int file;

	TRY(client_token_path(options, path));
	TRY(make_folders(options));
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	written = write(file, token, size);
	if (close(file) || written != (ssize_t)size)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	return HM_OK;
}

static hm_status login_with(const struct options *options, const char *password, struct hm_buffer *ret_reply,
			    struct call_ids *ret_ids)
{
	struct options anonymous = *options;
	SCOPED(hm_channel) channel = NULL;
	SCOPED(hm_context) context = NULL;
	const struct hm_service *service;
	const struct hm_method *method = methods_find("identity.v1.Identity/Login", &service);
	struct hm_buffer request = { 0 };
	hm_status status;

	if (!method)
		return hm_error_set(hm_error_get());
	anonymous.as = NULL;
	TRY(client_open(&anonymous, &context));
	TRY(client_channel(options, "identity", &channel));
	hm_buffer_add_text(&request, "{\"username\":");
	hm_json_write_text(&request, options->as, strlen(options->as));
	hm_buffer_add_text(&request, ",\"password\":");
	hm_json_write_text(&request, password, strlen(password));
	hm_buffer_add_text(&request, "}");
	status = client_call(channel, context, method, request.data, request.size, ret_reply, ret_ids);
	explicit_bzero(request.data, request.size);
	hm_buffer_fini(&request);
	return status;
}

static hm_status login(const struct options *options, struct call_ids *ret_ids)
{
	char password[PASSWORD_BYTES], path[PATH_BYTES];
	struct hm_buffer reply = { 0 };
	const char *token;
	hm_status status;
	json_t *tokens;

	TRY(client_token_path(options, path));
	TRY(password_read(password));
	status = login_with(options, password, &reply, ret_ids);
	explicit_bzero(password, sizeof password);
	if (status == HM_OK) {
		tokens = json_loads(reply.data, 0, NULL);
		token = json_string_value(json_object_get(tokens, "accessToken"));
		status = token ? keep_token(options, token) : hm_raise(INTERNAL, "the reply has no token");
		json_decref(tokens);
		explicit_bzero(reply.data, reply.size);
	}
	hm_buffer_fini(&reply);
	return status;
}

static int print_token(const struct options *options)
{
	SCOPED(hm_context) context = NULL;

	if (client_open(options, &context) != HM_OK)
		return fail(options);
	printf("%s\n", context->token ? context->token : "");
	return 0;
}

/* Users' tokens are revoked by identity (RevokeSession, DisableUser); these are nobody's session. */
static int revoke_token(const struct options *options)
{
	char keys[PATH_BYTES];

	var_path(options, "keys", keys);
	if (hm_revoked_add(keys, options->revoke) != HM_OK)
		return fail(options);
	if (!options->json)
		fprintf(stderr, "revoked: what runs with %s knows within a second\n", keys);
	return 0;
}

static int run_token(const struct options *options)
{
	struct call_ids ids = { 0 };

	if (options->n_arguments == 0 && options->revoke)
		return revoke_token(options);
	if (options->n_arguments == 0 && options->as)
		return print_token(options);
	if (options->n_arguments != 1 || strcmp(options->arguments[0], "login"))
		return usage_fail(&token_command);
	if (login(options, &ids) != HM_OK)
		return fail_call(options, &ids);
	if (!options->json)
		fprintf(stderr, "logged in: --brand %s --as %s\n", options->brand, options->as);
	return 0;
}

const struct command token_command = {
	.name = "token",
	.usage = "[login] --brand BRAND --as NAME   | --as operator   | --revoke ID",
	.summary = "log in and keep the access token, print the one in use, or revoke one",
	.takes = "bacsx",
	.notes = "login asks for the password, or reads it from standard input, and keeps the access token for --as.\n"
		 "token by itself prints the token that --as would send.\n"
		 "--revoke voids a token of an operator or a service, by the id that the log's entries have as "
		 "details.token.\n",
	.run = run_token,
};
