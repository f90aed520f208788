/* Shell: command lines, their results. */
#include "tests/demo/shell.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "host/services.h"
#include "tests/child.h"
#include "tests/demo/story.h"
#include "tests/demo/tally.h"

enum { WORDS_MAX = 24, LINE_BYTES = 1024 };

struct line {
	const char *words[WORDS_MAX];
	size_t n;
};

/* Adds words, up to a NULL one. An option without a value is left out. */
static void add(struct line *line, const char *option, const char *value)
{
	if (!value || line->n + 2 >= WORDS_MAX)
		return;
	if (option)
		line->words[line->n++] = option;
	line->words[line->n++] = value;
}

static struct line begin(const struct stage *stage, const char *command, const char *first)
{
	struct line line = { 0 };

	add(&line, NULL, stage->program);
	add(&line, NULL, command);
	add(&line, NULL, first);
	return line;
}

/* As a user would type it: without --json, and JSON in quotes. */
static void show(const struct line *line, const char *behind)
{
	char text[LINE_BYTES] = "hallmark";

	for (size_t i = 1; i < line->n; i++) {
		size_t length = strlen(text);
		const char *quote = strpbrk(line->words[i], "{ ") ? "'" : "";

		if (strcmp(line->words[i], "--json"))
			snprintf(text + length, sizeof text - length, " %s%s%s", quote, line->words[i], quote);
	}
	story_command("%s%s", text, behind);
}

/* The error a failed command told as JSON becomes this thread's. */
static hm_status raise_told(const char *text)
{
	json_t *told = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	const char *name = json_string_value(json_object_get(told, "code"));
	const char *message = json_string_value(json_object_get(told, "message"));
	int code = name ? hm_status_find(name) : -1;
	struct hm_error error = { .code = code > 0 ? (hm_status)code : HM_INTERNAL };

	snprintf(error.message, sizeof error.message, "%s", message ? message : "the program ended without an answer");
	json_decref(told);
	return hm_error_set(&error);
}

static hm_status run(const struct line *line, const char *input, struct child_result *ret_result)
{
	TRY(child_run(line->words, input, ret_result));
	return ret_result->exit_code ? raise_told(ret_result->out.data) : HM_OK;
}

hm_status shell_call(const struct stage *stage, const struct shell_call *call, json_t **ret_reply)
{
	struct line line = begin(stage, "call", call->method);
	struct child_result result = { 0 };
	hm_status status;

	add(&line, NULL, call->json);
	add(&line, "--brand", call->brand);
	add(&line, "--as", call->as);
	add(&line, "--request", call->request);
	add(&line, NULL, "--json");
	show(&line, "");
	status = tally_call(call->method, run(&line, NULL, &result));
	if (status == HM_OK)
		story_text(result.out.data);
	else
		story_say("%s: %s", hm_status_name(status), hm_error_get()->message);
	if (status == HM_OK && ret_reply)
		*ret_reply = json_loads(result.out.data, 0, NULL);
	child_fini(&result);
	return status;
}

/* A failed line is told as an object with a code; no reply of a call that is made of a file has such a field. */
static bool is_failure(const char *line)
{
	return !strncmp(line, "{\"code\":\"", 9) && strstr(line, "\"message\":");
}

static void count_lines(const char *method, const char *text, size_t *ret_ok, size_t *ret_failed)
{
	*ret_ok = *ret_failed = 0;
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		bool failed = is_failure(text);

		tally_add(method, failed ? HM_UNKNOWN : HM_OK, 1);
		*(failed ? ret_failed : ret_ok) += 1;
	}
}

hm_status shell_file(const struct stage *stage, const char *method, const char *file, const char *brand, const char *as,
		     size_t *ret_ok, size_t *ret_failed)
{
	struct line line = begin(stage, "call", method);
	struct child_result result = { 0 };
	hm_status status;

	add(&line, "-f", file);
	add(&line, "--brand", brand);
	add(&line, "--as", as);
	add(&line, NULL, "--json");
	show(&line, "");
	status = child_run(line.words, NULL, &result);
	if (status == HM_OK)
		count_lines(method, result.out.data, ret_ok, ret_failed);
	child_fini(&result);
	return status;
}

hm_status shell_login(const struct stage *stage, const char *brand, const char *name, const char *password)
{
	struct line line = begin(stage, "token", "login");
	struct child_result result = { 0 };
	hm_status status;

	add(&line, "--brand", brand);
	add(&line, "--as", name);
	add(&line, NULL, "--json");
	show(&line, "   (the password on standard input)");
	status = tally_call("identity.v1.Identity/Login", run(&line, password, &result));
	if (status != HM_OK)
		story_say("%s: %s", hm_status_name(status), hm_error_get()->message);
	child_fini(&result);
	return status;
}

hm_status shell_context(const struct stage *stage, const char *brand, const char *as, struct hm_context **ret_context)
{
	struct line line = begin(stage, "token", NULL);
	struct child_result result = { 0 };
	hm_status status;

	add(&line, "--brand", brand);
	add(&line, "--as", as);
	status = run(&line, NULL, &result);
	if (status == HM_OK) {
		result.out.data[strcspn(result.out.data, "\n")] = '\0';
		status = hm_context_open(brand, result.out.data, ret_context);
		explicit_bzero(result.out.data, result.out.size);
	}
	child_fini(&result);
	return status;
}

/* The program asks every service's log. */
static void count_questions(hm_status status)
{
	for (const struct tally *tally = tallies; tally->table; tally++) {
		const struct hm_method *method = hm_method_find(tally->table, "ListAudit");

		if (method)
			tally_add(method->name, status, 1);
	}
}

hm_status shell_path(const struct stage *stage, const char *brand, const char *request, bool as_json, char **ret_text)
{
	struct line line = begin(stage, "audit", "show");
	struct child_result result = { 0 };
	hm_status status;

	add(&line, NULL, request);
	add(&line, "--brand", brand);
	add(&line, "--as", "operator");
	if (as_json)
		add(&line, NULL, "--json");
	else
		show(&line, "");
	status = run(&line, NULL, &result);
	count_questions(status);
	if (status == HM_OK)
		*ret_text = take(&result.out.data);
	child_fini(&result);
	return status;
}
