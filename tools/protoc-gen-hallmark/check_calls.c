/*
 * Check: the graph of calls. A worker that waits for a service that waits for a worker of its own is a deadlock, so
 * the graph has no cycle. A depth-first walk; a service met again while it is still being walked closes one.
 */
#include <string.h>

#include "check.h"

enum { SERVICE_OPTIONS = 3 };

enum state { UNSEEN, WALKING, DONE };

struct walk {
	const struct model *model;
	struct problems *problems;
	enum state *states; /* by file */
	size_t *trail; /* the files being walked, outermost first */
	size_t depth;
};

static size_t find(const struct model *model, const char *name)
{
	size_t i = 0;

	while (i < model->n_files && (!model->files[i].n_services || strcmp(model->files[i].short_name, name)))
		i++;
	return i;
}

static void add_cycle(struct walk *walk, size_t index, const struct path *path)
{
	const struct file *files = walk->model->files;
	struct hm_buffer words = { 0 };
	size_t i = 0;

	while (walk->trail[i] != index)
		i++;
	for (; i < walk->depth; i++)
		hm_buffer_printf(&words, "%s -> ", files[walk->trail[i]].short_name);
	problem_add(walk->problems, &files[walk->trail[walk->depth - 1]], path,
		    "calls form a cycle, which can deadlock: %s%s; what flows back goes through events", words.data,
		    files[index].short_name);
	hm_buffer_fini(&words);
}

static void visit(struct walk *walk, size_t index)
{
	const struct file *file = &walk->model->files[index];

	walk->states[index] = WALKING;
	walk->trail[walk->depth++] = index;
	for (size_t i = 0; i < file->n_services; i++) {
		const struct service *service = &file->services[i];
		struct path path = path_join(&service->path, SERVICE_OPTIONS, OPTION_SERVICE);

		for (size_t j = 0; j < service->options.calls.count; j++) {
			const char *name = service->options.calls.items[j];
			size_t called = find(walk->model, name);

			if (called == walk->model->n_files)
				problem_add(walk->problems, file, &path,
					    "calls names \"%s\": no contract has that service", name);
			else if (walk->states[called] == WALKING)
				add_cycle(walk, called, &path);
			else if (walk->states[called] == UNSEEN)
				visit(walk, called);
		}
	}
	walk->depth--;
	walk->states[index] = DONE;
}

void check_calls(const struct model *model, struct problems *problems)
{
	struct hm_arena arena = { 0 };
	struct walk walk = {
		.model = model,
		.problems = problems,
		.states = hm_arena_zalloc(&arena, model->n_files * sizeof(*walk.states)),
		.trail = hm_arena_zalloc(&arena, model->n_files * sizeof(*walk.trail)),
	};

	for (size_t i = 0; i < model->n_files; i++)
		if (walk.states[i] == UNSEEN)
			visit(&walk, i);
	hm_arena_fini(&arena);
}
