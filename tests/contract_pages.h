/*
 * Contract pages: what the pages of tools/check-contracts/rules show, as trees of contracts a check can be run on.
 *
 * A block is one contract, or several, each below a line `// proto/NAME/v1/NAME.proto`; without such a line it is follows' own. What a
 * block leaves out is put around it: what stands before a contract's first message; a service around methods (`rpc …` first), with a
 * schema and ListAudit; a method for each message FollowRequest or FollowReply of a block without methods; messages that methods name
 * and nobody declares. The line a finding is wanted at ends with `// here`; `here` behind a file's name stands for its first line, and
 * `gone` for a file that is not there.
 */
#pragma once
#include <stddef.h>

enum { WANTED_MAX = 8 };

struct contract_page {
	char *rule, *summary;
	char *bad, *good; /* blocks */
	char *bad_before, *good_before; /* of a breaking rule; NULL: of another */
};

/* What a check has to find in a tree. */
struct wanted {
	size_t count;
	struct {
		char *file; /* "proto/follows/v1/follows.proto" */
		int line;
	} places[WANTED_MAX];
};

/* contract_page_read reads a page and fails the test unless it has the form. It lives as long as the test. */
struct contract_page contract_page_read(const char *path);

/* contract_tree makes a new folder below /tmp with a block's contracts, and hallmark's, and says what is wanted of them. The folder is
 * the caller's to remove, by contract_tree_remove. */
char *contract_tree(const char *block, struct wanted *ret_wanted);
void contract_tree_remove(const char *folder);
