/* Progress: overwrites its own line. */
#include "tests/bench/progress.h"

#include <stdio.h>
#include <unistd.h>

#define CLEAR "\r\033[K"

void progress_show(const char *what, unsigned round, unsigned rounds)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, CLEAR "%s", what);
	if (rounds && round)
		fprintf(stderr, "  round %u of %u", round, rounds);
	else if (rounds)
		fputs("  warming up", stderr);
}

void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs(CLEAR, stderr);
}
