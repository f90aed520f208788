/* Folder: made with its keys, removed as a tree. */
#include "tests/bench/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "tests/bench/server.h"

enum { OPEN_FOLDERS = 16 };

hm_status folder_make(char ret_folder[FOLDER_BYTES])
{
	static const char *const names[] = { "identity",      "operator",         "service-echo",
					     "service-notes", "service-platform", "service-identity" };
	char folder[FOLDER_BYTES] = "/tmp/hallmark-bench-XXXXXX", keys[FOLDER_BYTES + sizeof BENCH_KEYS];

	if (!mkdtemp(folder))
		return hm_raise_errno(UNAVAILABLE, "cannot make %s", folder);
	snprintf(ret_folder, FOLDER_BYTES, "%s", folder);
	snprintf(keys, sizeof keys, "%s/" BENCH_KEYS, folder);
	TRY(hm_crypto_init());
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		TRY(hm_key_generate(keys, names[i]));
	return HM_OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

void folder_remove(const char *path)
{
	if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS))
		fprintf(stderr, "hallmark-bench: %s is left behind\n", path);
}
