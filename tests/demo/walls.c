/* The acts about what must not happen, and about who can see afterwards what did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/demo/demo.h"

#define POST "accounting.v1.Ledger/PostTransaction"

static const char sale[] = "{\"description\":\"Cash sale\",\"entries\":[{\"account\":\"bank:usd\",\"amount\":\"100\"},"
			   "{\"account\":\"equity:capital\",\"amount\":\"-100\"}]}";
static const char crooked[] =
	"{\"description\":\"Cash sale\",\"entries\":[{\"account\":\"bank:usd\",\"amount\":\"100\"},"
	"{\"account\":\"equity:capital\",\"amount\":\"-99\"}]}";

/* Everything Nia can list is Nova's. */
static hm_status list_as_nia(struct demo *demo)
{
	const Accounting__ListAccountsRequest accounts = { ACCOUNTING_LIST_ACCOUNTS_REQUEST_BASE,
							   HM_SET(page_size, 500) };
	const Identity__ListUsersRequest users = { IDENTITY_LIST_USERS_REQUEST_BASE, HM_SET(page_size, 500) };
	struct hm_context *nia = demo->nova.keeper;
	Accounting__ListAccountsReply *found_accounts;
	Identity__ListUsersReply *found_users;

	TRY(tally_call("accounting.v1.Ledger/ListAccounts",
		       accounting_list_accounts(demo->accounting, nia, &accounts, &found_accounts)));
	TRY(tally_call("identity.v1.Identity/ListUsers",
		       identity_list_users(demo->identity, nia, &users, &found_users)));
	story_check(found_accounts->n_accounts == 3, "Nia lists 3 accounts, Loop's %zu are not among them",
		    demo->n_accounts);
	story_check(found_users->n_users == 1, "Nia lists 1 user, herself");
	return HM_OK;
}

/* Loop's users by id, under Nova's brand, even as an operator. */
static hm_status find_ana_in_nova(struct demo *demo)
{
	const Identity__GetUserRequest request = { IDENTITY_GET_USER_REQUEST_BASE, .id = demo->loop.keeper_id };
	Identity__User *user;

	return tally_call("identity.v1.Identity/GetUser",
			  identity_get_user(demo->identity, demo->nova.operator, & request, &user));
}

hm_status demo_walls(struct demo *demo)
{
	const struct stage *stage = &demo->stage;
	char json[128];

	story_act("What is refused");
	demo_refused(shell_call(stage, &(struct shell_call){ POST, sale, "loop", "ben", NULL }, NULL),
		     HM_PERMISSION_DENIED, "Ben may look, not post");
	demo_refused(shell_call(stage, &(struct shell_call){ POST, crooked, "loop", "ana", NULL }, NULL),
		     HM_INVALID_ARGUMENT, "nobody can post what does not sum to zero");
	snprintf(json, sizeof json, "{\"id\":\"%s\"}", demo->transaction);
	demo_refused(
		shell_call(stage,
			   &(struct shell_call){ "accounting.v1.Ledger/GetTransaction", json, "nova", "nia", NULL },
			   NULL),
		HM_NOT_FOUND, "for Nia, a transaction of Loop's does not exist");
	demo_refused(find_ana_in_nova(demo), HM_NOT_FOUND,
		     "under Nova, Ana does not exist, not for an operator either");
	return list_as_nia(demo);
}

/* The entries of the path as the services have them: both, and the second one a child of the first. */
static bool is_two_levels(const char *lines)
{
	const char *parents = lines;
	size_t n = 0, children = 0;

	for (; (lines = strchr(lines, '\n')); lines++)
		n++;
	for (; (parents = strstr(parents, "\\\"parent\\\"")); parents++)
		children++;
	return n == 2 && children == 1;
}

hm_status demo_path(struct demo *demo)
{
	char *text = NULL;

	story_act("One request's path: Ana opens a wallet for Ben");
	TRY(shell_path(&demo->stage, "loop", demo->path, false, &text));
	story_text(text);
	story_check(strstr(text, "└─ identity.v1.Identity/GetUser") && strstr(text, "accounting.v1.Ledger/OpenAccount"),
		    "the ledger asked identity who Ben is, in Ana's name");
	free(text);
	TRY(shell_path(&demo->stage, "loop", demo->path, true, &text));
	story_check(is_two_levels(text), "two entries, in two services' logs, one below the other");
	free(text);
	return HM_OK;
}
