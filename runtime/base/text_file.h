/* Text files: small ones, read whole, as people and programs write them for a process that runs. */
#pragma once
#include "base/buffer.h"
#include "base/status.h"

enum { HM_TEXT_FILE_BYTES_MAX = 64 << 10 };

/* hm_text_file_read adds what is in the file to the buffer; the caller frees that in any case. UNAVAILABLE: it cannot be opened or read.
 * INVALID_ARGUMENT: it is larger than HM_TEXT_FILE_BYTES_MAX, or has a zero byte, which would hide what is behind it. Any thread. */
hm_status hm_text_file_read(const char *path, struct hm_buffer *text);
