/*
 * Shell: the hallmark program used as people use it. Each command is shown in the story, run as a child process, and what it
 * called is counted in the tally. Its --var is the environment's HALLMARK_VAR.
 */
#pragma once
#include <jansson.h>

#include "client/context.h"
#include "tests/demo/stage.h"

/* One call. as NULL: nobody. request NULL: an id is made. */
struct shell_call {
	const char *method, *json, *brand, *as, *request;
};

/* shell_call makes it. The reply is the caller's to json_decref; NULL if it is not wanted. Errors: what the call was answered
 * with, and UNAVAILABLE when the program cannot be run. */
hm_status shell_call(const struct stage *stage, const struct shell_call *call, json_t **ret_reply);

/* shell_file makes a call for each line of a file and counts how many were answered OK, and how many were not. */
hm_status shell_file(const struct stage *stage, const char *method, const char *file, const char *brand, const char *as,
		     size_t *ret_ok, size_t *ret_failed);

/* shell_login logs a user in; the program keeps the token. */
hm_status shell_login(const struct stage *stage, const char *brand, const char *name, const char *password);

/* shell_context makes a context with the token the program would send for --as, for calls through the generated clients. */
hm_status shell_context(const struct stage *stage, const char *brand, const char *as, struct hm_context **ret_context);

/* shell_path shows a request's path as the operator sees it; its text, with --json if asked, is the caller's to free(). */
hm_status shell_path(const struct stage *stage, const char *brand, const char *request, bool as_json, char **ret_text);
