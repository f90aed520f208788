/*
 * Story: what the demo tells, as it happens: numbered acts, the commands it runs, what it found. Colours on a terminal, plain
 * text elsewhere.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* story_act begins the next act. */
void story_act(const char *title);

/* story_command shows a command line as a user would type it; story_say a line of what came of it. */
void story_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
void story_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* story_text shows several lines as they are, indented. */
void story_text(const char *text);

/* story_check tells what was checked, and counts it. Returns whether it held. */
bool story_check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* story_end tells how all checks went, and returns how many failed. */
size_t story_end(void);
