/* new: a service to begin with, from the files of tools/hallmark/template: it builds and its tests pass at once. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "command.h"

enum { NAME_MAX_BYTES = 40 };

#define TEMPLATES "tools/hallmark/template/"

static const struct {
	const char *from, *to; /* to: %s is the service's name */
} files[] = {
	{ TEMPLATES "contract.proto", "proto/%1$s/v1/%1$s.proto" },
	{ TEMPLATES "migration.sql", "services/%1$s/migrations/0001_init.sql" },
	{ TEMPLATES "queries.sql", "services/%1$s/queries.sql" },
	{ TEMPLATES "service.c", "services/%1$s/%1$s.c" },
	{ TEMPLATES "test.c", "services/%1$s/%1$s_test.c" },
};

static const char *const folders[] = { "proto/%s", "proto/%s/v1", "services/%s", "services/%s/migrations" };

/* "@name@", "@Name@", "@NAME@" in the templates: reviews, Reviews, REVIEWS (patient_graph, PatientGraph, PATIENT_GRAPH). */
struct words {
	char lower[NAME_MAX_BYTES], camel[NAME_MAX_BYTES], upper[NAME_MAX_BYTES];
};

static hm_status make_words(const char *name, struct words *ret_words)
{
	size_t length = strlen(name), n = 0;

	if (!length || length >= NAME_MAX_BYTES || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length ||
	    !islower((unsigned char)name[0]))
		return hm_raise(INVALID_ARGUMENT, "%s: a service's name is lower case letters, digits and _", name);
	*ret_words = (struct words){ 0 };
	memcpy(ret_words->lower, name, length);
	for (size_t i = 0; i < length; i++) {
		ret_words->upper[i] = (char)toupper((unsigned char)name[i]);
		if (name[i] != '_')
			ret_words->camel[n++] = (i == 0 || name[i - 1] == '_') ? ret_words->upper[i] : name[i];
	}
	return HM_OK;
}

static void replace(struct hm_buffer *text, const char *mark, const char *word)
{
	struct hm_buffer out = { 0 };
	const char *at = text->data, *found;

	while ((found = strstr(at, mark))) {
		hm_buffer_add(&out, at, (size_t)(found - at));
		hm_buffer_add_text(&out, word);
		at = found + strlen(mark);
	}
	hm_buffer_add_text(&out, at);
	hm_buffer_fini(text);
	*text = out;
}

static hm_status read_file(const char *path, struct hm_buffer *ret_text)
{
	FILE *file = fopen(path, "r");
	char part[4096];
	size_t size;

	if (!file)
		return hm_raise_errno(FAILED_PRECONDITION, "cannot read %s: run this in the root of the repository",
				      path);
	while ((size = fread(part, 1, sizeof part, file)))
		hm_buffer_add(ret_text, part, size);
	fclose(file);
	return HM_OK;
}

static hm_status write_file(const char *path, const struct hm_buffer *text)
{
	FILE *file = fopen(path, "wx");

	if (!file && errno == EEXIST)
		return hm_raise(ALREADY_EXISTS, "%s is there already: nothing is overwritten", path);
	if (!file)
		return hm_raise_errno(FAILED_PRECONDITION, "cannot make %s", path);
	if (fwrite(text->data, 1, text->size, file) != text->size || fclose(file))
		return hm_raise_errno(FAILED_PRECONDITION, "cannot write %s", path);
	return HM_OK;
}

static hm_status write_from(const char *from, const char *to, const struct words *words)
{
	struct hm_buffer text = { 0 };
	char path[PATH_BYTES];
	hm_status status = read_file(from, &text);

	if (status == HM_OK) {
		replace(&text, "@name@", words->lower);
		replace(&text, "@Name@", words->camel);
		replace(&text, "@NAME@", words->upper);
		snprintf(path, sizeof path, to, words->lower);
		status = write_file(path, &text);
	}
	if (status == HM_OK)
		printf("  %s\n", path);
	hm_buffer_fini(&text);
	return status;
}

static hm_status make_service(const char *name)
{
	struct words words;
	char path[PATH_BYTES];

	TRY(make_words(name, &words));
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, folders[i], name);
		if (mkdir(path, 0755) && errno != EEXIST)
			return hm_raise_errno(FAILED_PRECONDITION, "cannot make %s", path);
	}
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		TRY(write_from(files[i].from, files[i].to, &words));
	return HM_OK;
}

static int run_new(const struct options *options)
{
	if (options->n_arguments != 1)
		return usage_fail(&new_command);
	if (make_service(options->arguments[0]) != HM_OK)
		return fail(options);
	printf("now: make format && make test SERVICE=%s\n", options->arguments[0]);
	return 0;
}

const struct command new_command = {
	.name = "new",
	.usage = "SERVICE",
	.summary = "write the first files of a new service",
	.run = run_new,
};
