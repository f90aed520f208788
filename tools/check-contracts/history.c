/* History: git archive writes what was there at a revision, tar unpacks it; the work tree and the index are left alone. */
#include <string.h>

#include "check.h"
#include "process.h"

static hm_status run(struct hm_arena *arena, const char *const *argv, const char *folder, const char *what)
{
	struct hm_buffer words = { 0 };
	int exit_status = 0;
	hm_status status = process_run(argv, folder, &words, &exit_status);

	if (status == HM_OK && exit_status) {
		const char *said = hm_arena_dup(arena, words.data, strcspn(words.data, "\n"));

		status = hm_raise(INVALID_ARGUMENT, "cannot read proto/ at %s: %s", what, said);
	}
	hm_buffer_fini(&words);
	return status;
}

hm_status history_extract(struct hm_arena *arena, const char *folder, const char *revision, const char *into)
{
	const char *archive = hm_arena_printf(arena, "%s/archive.tar", into);
	const char *const git[] = { "git", "-C",    folder,   "archive", "--format=tar",
				    "-o",  archive, revision, "proto",   NULL };
	const char *const tar[] = { "tar", "-C", into, "-xf", archive, NULL };

	if (*revision == '-' || !*revision)
		return hm_raise(INVALID_ARGUMENT, "\"%s\" is no revision of git", revision);
	TRY(run(arena, git, into, revision));
	return run(arena, tar, into, revision);
}
