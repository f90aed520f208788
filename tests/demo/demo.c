/*
 * The demo: the platform's main job on a PostgreSQL of its own, played and then checked. usage: hallmark-demo [JOURNAL.jsonl]
 * Exits 0 if every check holds, and leaves nothing running.
 */
#include <stdio.h>

#include "base/clock.h"
#include "story.h"

static hm_status play(struct story *story)
{
	SCOPED(platform) platform = NULL;
	int64_t started_us = hm_clock_mono_us();

	printf("  starting PostgreSQL, platform, identity and accounting under var/demo\n");
	fflush(stdout);
	TRY(platform_start(&platform));
	printf("  ready after %.1f s\n", (double)(hm_clock_mono_us() - started_us) / HM_US_PER_S);
	story->platform = platform;
	TRY(story_play(story));
	return story_verify(story);
}

int main(int argc, char **argv)
{
	struct story story = { .journal = argc > 1 ? argv[1] : "tests/data/journal.jsonl" };

	printf("Hallmark demo\n");
	if (play(&story) != HM_OK) {
		fprintf(stderr, "demo: %s: %s\n", hm_status_name(hm_error_get()->code), hm_error_get()->message);
		return 1;
	}
	if (story.failed) {
		printf("\n%d checks failed\n", story.failed);
		return 1;
	}
	printf("\nEvery check holds. Try it yourself: build/bin/hallmark up\n");
	return 0;
}
