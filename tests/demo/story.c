/* Story: lines on standard output. */
#include "tests/demo/story.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define GREEN "\033[32m"
#define RED "\033[31m"

static size_t n_acts, n_passed, n_failed;
static int64_t began_us;

static const char *style(const char *code)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? code : "";
}

static const char *plain(void)
{
	return style("\033[0m");
}

void story_act(const char *title)
{
	if (!began_us)
		began_us = hm_clock_mono_us();
	printf("\n%s%zu  %s%s\n", style(BOLD), ++n_acts, title, plain());
	fflush(stdout);
}

static void line(const char *code, const char *mark, const char *format, va_list arguments)
{
	printf("   %s%s", style(code), mark);
	vprintf(format, arguments);
	printf("%s\n", plain());
	fflush(stdout);
}

void story_command(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line(DIM, "$ ", format, arguments);
	va_end(arguments);
}

void story_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("", "  ", format, arguments);
	va_end(arguments);
}

void story_text(const char *text)
{
	while (*text) {
		int length = (int)strcspn(text, "\n");

		printf("     %.*s\n", length, text);
		text += length + (text[length] == '\n');
	}
	fflush(stdout);
}

bool story_check(bool holds, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line(holds ? GREEN : RED, holds ? "✓ " : "✗ ", format, arguments);
	va_end(arguments);
	*(holds ? &n_passed : &n_failed) += 1;
	return holds;
}

size_t story_end(void)
{
	double seconds = (double)(hm_clock_mono_us() - began_us) / HM_US_PER_S;

	printf("\n%s%zu of %zu checks hold%s, %.1f s\n", style(n_failed ? RED : GREEN), n_passed, n_passed + n_failed,
	       plain(), seconds);
	return n_failed;
}
