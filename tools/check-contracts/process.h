/* Process: other programs run to their end, and a folder for what they make. */
#pragma once
#include "base/buffer.h"
#include "base/status.h"

enum { FOLDER_BYTES = 256 };

/* folder_make makes an empty folder of the user's own below TMPDIR, or /tmp; folder_remove removes one with all that is in it. */
hm_status folder_make(char ret_folder[FOLDER_BYTES]);
void folder_remove(const char *folder);

/* process_run finds argv[0] in PATH, runs it, and waits. What it says on standard error is added to words, a text; standard output
 * goes there, too. *ret_exit is its exit status. UNAVAILABLE: it could not be run. */
hm_status process_run(const char *const *argv, const char *folder, struct hm_buffer *words, int *ret_exit);

/* file_read adds a file's bytes. NOT_FOUND: it cannot be opened. */
hm_status file_read(const char *path, struct hm_buffer *bytes);
