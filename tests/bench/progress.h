/* Progress: one line on a terminal that says what is being done; nothing where standard error is not one. */
#pragma once

/* progress_show replaces the line; round 0 is the warm-up, rounds 0: there are none. */
void progress_show(const char *what, unsigned round, unsigned rounds);
void progress_clear(void);
