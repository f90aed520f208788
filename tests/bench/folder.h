/* Folder: where a run keeps its sockets, keys and database; gone when it ends. */
#pragma once
#include "base/status.h"

enum { FOLDER_BYTES = 64 };

/* folder_make makes an empty one under /tmp, its path short enough for sockets, and the keys in it. */
hm_status folder_make(char ret_folder[FOLDER_BYTES]);

/* folder_remove removes a folder and all that is in it. */
void folder_remove(const char *path);
