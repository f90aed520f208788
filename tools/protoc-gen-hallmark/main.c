/*
 * protoc-gen-hallmark: from a contract, its method table, rules, handler slots and typed clients; and a fake for tests.
 *
 *     protoc --plugin=build/tools/protoc-gen-hallmark --hallmark_opt=root=proto --hallmark_out=gen \
 *            follows/v1/follows.proto
 *
 * protoc runs it with a CodeGeneratorRequest on its input and reads a CodeGeneratorResponse from its output; a
 * contract that is refused is refused in the response's error, and nothing is written. Parameters, separated by
 * commas:
 *     root=proto     the folder the contracts are in, for file names in messages and tables
 *     calls          generate nothing: check who calls whom over all the contracts given
 */
#include <google/protobuf/compiler/plugin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "emit.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest Request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse Response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File OutputFile;

struct parameters {
	char *root;
	bool calls;
};

static hm_status read_input(struct hm_buffer *input)
{
	ssize_t got;

	do {
		char *end = hm_buffer_reserve(input, 1 << 16);

		got = read(STDIN_FILENO, end, 1 << 16);
		if (got < 0)
			return hm_raise_errno(INTERNAL, "reading protoc's request");
		hm_buffer_advance(input, (size_t)got);
	} while (got);
	return HM_OK;
}

static hm_status write_response(const Response *response)
{
	size_t size = google__protobuf__compiler__code_generator_response__get_packed_size(response);
	struct hm_buffer output = { 0 };
	size_t written;

	google__protobuf__compiler__code_generator_response__pack(response,
								  (uint8_t *)hm_buffer_reserve(&output, size));
	written = fwrite(output.data, 1, size, stdout);
	hm_buffer_fini(&output);
	if (written != size || fflush(stdout))
		return hm_raise_errno(INTERNAL, "writing the response to protoc");
	return HM_OK;
}

static hm_status read_parameters(struct hm_arena *arena, const char *text, struct parameters *ret_parameters)
{
	char *rest = hm_arena_strdup(arena, text ? text : "");
	struct parameters parameters = { .root = hm_arena_strdup(arena, "") };

	for (char *word = strtok_r(rest, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (!strncmp(word, "root=", 5))
			parameters.root = word + 5;
		else if (!strcmp(word, "calls"))
			parameters.calls = true;
		else
			return hm_raise(INVALID_ARGUMENT, "no parameter %s; there are root=FOLDER and calls", word);
	}
	*ret_parameters = parameters;
	return HM_OK;
}

static void check(const struct model *model, bool calls, struct problems *problems)
{
	for (size_t i = 0; !calls && i < model->n_files; i++)
		if (model->files[i].to_generate)
			check_file(model, &model->files[i], problems);
	if (calls)
		check_calls(model, problems);
}

static OutputFile *make_file(struct hm_arena *arena, const struct model *model, const struct file *file,
			     const char *suffix,
			     void (*emit)(const struct model *, const struct file *, struct hm_buffer *))
{
	OutputFile *output = hm_arena_alloc(arena, sizeof(*output));
	struct hm_buffer text = { 0 };

	google__protobuf__compiler__code_generator_response__file__init(output);
	emit(model, file, &text);
	output->name = hm_arena_printf(arena, "%s%s", file->stem, suffix);
	output->content = hm_arena_dup(arena, text.data, text.size);
	hm_buffer_fini(&text);
	return output;
}

static void generate(struct hm_arena *arena, const struct model *model, Response *response)
{
	response->file = hm_arena_alloc(arena, 4 * model->n_files * sizeof(OutputFile *));
	for (size_t i = 0; i < model->n_files; i++) {
		const struct file *file = &model->files[i];

		if (!file->to_generate)
			continue;
		response->file[response->n_file++] = make_file(arena, model, file, ".hm.h", emit_header);
		response->file[response->n_file++] = make_file(arena, model, file, ".hm.c", emit_source);
		if (!file->n_services)
			continue;
		response->file[response->n_file++] = make_file(arena, model, file, ".fake.h", emit_fake_header);
		response->file[response->n_file++] = make_file(arena, model, file, ".fake.c", emit_fake_source);
	}
}

/* protoc prints "--hallmark_out: " before an error; the list of problems begins on a line of its own. */
static hm_status answer(struct hm_arena *arena, const Request *request, Response *response)
{
	struct parameters parameters = { 0 };
	struct problems problems = { 0 };
	struct model model;

	TRY(read_parameters(arena, request->parameter, &parameters));
	TRY(model_build(arena,
			&(struct model_source){ request->proto_file, request->n_proto_file, request->file_to_generate,
						request->n_file_to_generate, parameters.root },
			&model));
	check(&model, parameters.calls, &problems);
	if (problems.count)
		response->error = hm_arena_printf(arena, "%zu problem%s:\n%s", problems.count,
						  problems.count == 1 ? "" : "s", problems.text.data);
	else if (!parameters.calls)
		generate(arena, &model, response);
	hm_buffer_fini(&problems.text);
	return HM_OK;
}

static hm_status run(struct hm_arena *arena, struct hm_buffer *input)
{
	Response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
	Request *request;
	hm_status status;

	TRY(read_input(input));
	request = google__protobuf__compiler__code_generator_request__unpack(NULL, input->size, (uint8_t *)input->data);
	if (!request)
		return hm_raise(INTERNAL, "what came in is no CodeGeneratorRequest; this program is run by protoc");
	status = answer(arena, request, &response);
	if (status != HM_OK)
		response.error = hm_arena_strdup(arena, hm_error_get()->message);
	status = write_response(&response);
	google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
	return status;
}

int main(void)
{
	struct hm_arena arena = { 0 };
	struct hm_buffer input = { 0 };
	hm_status status = run(&arena, &input);

	if (status != HM_OK)
		fprintf(stderr, "protoc-gen-hallmark: %s\n", hm_error_get()->message);
	hm_buffer_fini(&input);
	hm_arena_fini(&arena);
	return status == HM_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
