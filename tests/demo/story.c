/* Story: two brands, their people and one ledger, through generated clients and the program's own commands. */
#include "story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "accounting/v1/accounting.hm.h"
#include "identity/v1/identity.hm.h"
#include "platform/v1/platform.hm.h"

#define PASSWORD "correct horse battery staple"
#define ACCOUNTS "tests/data/accounts.jsonl"

enum { LEASE_TRIES = 200, LEASE_PAUSE_MS = 50 };

static void act(const char *title)
{
	printf("\n  %s\n", title);
}

void story_check(struct story *story, bool holds, const char *format, ...)
{
	va_list arguments;

	printf("    %s ", holds ? "✓" : "✗");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	story->failed += !holds;
}

static hm_status create_brand(struct story *story, const char *id, const char *name)
{
	Platform__Brand *brand;

	story->calls.platform++;
	TRY(platform_create_brand(platform_channel(story->platform, "platform"),
				  story->operator, &(Platform__CreateBrandRequest){ PLATFORM_CREATE_BRAND_REQUEST_BASE,
										    .id = id, .name = name },
				  &brand));
	printf("    brand %s (%s) is %s\n", brand->id, brand->name, brand->status);
	return HM_OK;
}

/* A new brand's calls are admitted once the services have heard of it. */
static hm_status await_brand(struct story *story, struct hm_context *context)
{
	const struct timespec pause = { .tv_nsec = LEASE_PAUSE_MS * 1000000L };
	Identity__ListUsersReply *users;
	hm_status status = HM_UNAVAILABLE;

	for (int i = 0; i < LEASE_TRIES && status != HM_OK; i++) {
		if (i)
			nanosleep(&pause, NULL);
		story->calls.identity++;
		status = identity_list_users(platform_channel(story->platform, "identity"), context,
					     &(Identity__ListUsersRequest){ IDENTITY_LIST_USERS_REQUEST_BASE }, &users);
	}
	return status;
}

static hm_status register_user(struct story *story, struct hm_context *context, const char *username, const char *role)
{
	struct hm_channel *identity = platform_channel(story->platform, "identity");
	Identity__User *user;
	Identity__Assignment *assignment;

	story->calls.identity++;
	TRY(identity_register_user(identity, context,
				   &(Identity__RegisterUserRequest){ IDENTITY_REGISTER_USER_REQUEST_BASE,
								     .username = username, .password = PASSWORD },
				   &user));
	printf("    %s@%s is user %s%s%s\n", username, context->brand, user->id, role ? ", role " : "",
	       role ? role : "");
	if (!role)
		return HM_OK;
	story->calls.identity++;
	return identity_assign_role(
		identity, context,
		&(Identity__AssignRoleRequest){ IDENTITY_ASSIGN_ROLE_REQUEST_BASE, .user_id = user->id, .role = role },
		&assignment);
}

static hm_status define_bookkeeper(struct story *story, struct hm_context *context)
{
	const char *permissions[] = { "accounting.*", "identity.users.read" };
	Identity__Role *role;

	story->calls.identity++;
	return identity_define_role(platform_channel(story->platform, "identity"), context,
				    &(Identity__DefineRoleRequest){ IDENTITY_DEFINE_ROLE_REQUEST_BASE,
								    .name = "bookkeeper", .permissions = permissions,
								    .n_permissions = 2 },
				    &role);
}

static hm_status log_in(struct story *story, const char *brand, const char *name, struct hm_context **ret_context)
{
	struct hm_buffer output = { 0 };
	int status = platform_run(story->platform, true, PASSWORD "\n", &output, "token", "login", "--brand", brand,
				  "--as", name, NULL);

	hm_buffer_fini(&output);
	story->calls.identity++;
	if (status)
		return hm_raise(UNAUTHENTICATED, "%s@%s could not log in", name, brand);
	return platform_context(story->platform, brand, name, ret_context);
}

static hm_status play_people(struct story *story)
{
	struct hm_context *in_loop, *in_nova;

	act("Two brands, made by an operator");
	TRY(platform_context(story->platform, "system", "operator", &story->operator));
	TRY(create_brand(story, "loop", "Loop Health"));
	TRY(create_brand(story, "nova", "Nova Wellness"));
	TRY(platform_context(story->platform, "loop", "operator", &in_loop));
	TRY(platform_context(story->platform, "nova", "operator", &in_nova));
	TRY(await_brand(story, in_loop));
	TRY(await_brand(story, in_nova));
	act("Users, roles, and logins with real passwords (Argon2id)");
	TRY(define_bookkeeper(story, in_loop));
	TRY(define_bookkeeper(story, in_nova));
	TRY(register_user(story, in_loop, "ana", "bookkeeper"));
	TRY(register_user(story, in_loop, "bob", NULL));
	TRY(register_user(story, in_nova, "eve", "bookkeeper"));
	TRY(log_in(story, "loop", "ana", &story->ana));
	TRY(log_in(story, "loop", "bob", &story->bob));
	return log_in(story, "nova", "eve", &story->eve);
}

static int64_t count_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	int64_t lines = 0;
	int character;

	while (file && (character = getc(file)) != EOF)
		lines += character == '\n';
	if (file)
		fclose(file);
	return lines;
}

static int64_t count_replies(const struct hm_buffer *output)
{
	int64_t lines = 0;

	for (size_t i = 0; i < output->size; i++)
		lines += output->data[i] == '\n';
	return lines;
}

/* One call a line of a file, several at once; every one must be answered. */
static void call_file(struct story *story, const char *method, const char *path, int64_t lines)
{
	struct hm_buffer output = { 0 };
	int status;

	printf("    $ hallmark call %s -f %s --jobs 8 --brand loop --as ana\n", method, path);
	fflush(stdout);
	status = platform_run(story->platform, false, NULL, &output, "call", method, "-f", path, "--jobs", "8",
			      "--brand", "loop", "--as", "ana", "--json", NULL);
	story->calls.accounting += lines;
	story_check(story, status == 0 && count_replies(&output) == lines, "%lld of %lld answered OK",
		    (long long)count_replies(&output), (long long)lines);
	hm_buffer_fini(&output);
}

static void play_journal(struct story *story)
{
	act("A ledger: accounts and a journal, from files");
	call_file(story, "accounting.v1.Ledger/OpenAccount", ACCOUNTS, story->account_lines);
	call_file(story, "accounting.v1.Ledger/PostTransaction", story->journal, story->journal_lines);
}

/* An account with an owner: accounting asks identity about the user, under the same request. */
static hm_status play_tree(struct story *story)
{
	struct hm_channel *identity = platform_channel(story->platform, "identity");
	struct hm_channel *accounting = platform_channel(story->platform, "accounting");
	Identity__ListUsersReply *users;
	Accounting__Account *account;
	char owner_id[HM_ID_TEXT_BYTES];

	act("One request through two services: accounting asks identity who the owner is");
	story->calls.identity++;
	TRY(identity_list_users(identity, story->ana,
				&(Identity__ListUsersRequest){ IDENTITY_LIST_USERS_REQUEST_BASE, .username = "bob" },
				&users));
	if (users->n_users != 1)
		return hm_raise(NOT_FOUND, "bob is not listed");
	snprintf(owner_id, sizeof owner_id, "%s", users->users[0]->id);
	hm_context_reset(story->ana); /* a request of its own */
	story->calls.accounting++;
	story->calls.identity++;
	TRY(accounting_open_account(
		accounting, story->ana,
		&(Accounting__OpenAccountRequest){ ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE, .code = "wallet:bob",
						   .name = "Bob's wallet",
						   HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__LIABILITY), .currency = "USD",
						   HM_SET(debits_must_not_exceed_credits, true), .owner_id = owner_id },
		&account));
	printf("    %s opened for user %s\n", account->code, account->owner_id);
	hm_id_format(&story->ana->request_id, story->tree_request);
	hm_context_reset(story->ana);
	return HM_OK;
}

static hm_status post(struct story *story, struct hm_context *context, const char *debit, const char *credit,
		      Accounting__Transaction **ret_transaction)
{
	Accounting__NewEntry first = { ACCOUNTING_NEW_ENTRY_BASE, .account = debit, HM_SET(amount, 4900) };
	Accounting__NewEntry second = { ACCOUNTING_NEW_ENTRY_BASE, .account = credit, HM_SET(amount, -4900) };
	Accounting__NewEntry *entries[] = { &first, &second };

	story->calls.accounting++;
	return accounting_post_transaction(platform_channel(story->platform, "accounting"), context,
					   &(Accounting__PostTransactionRequest){
						   ACCOUNTING_POST_TRANSACTION_REQUEST_BASE,
						   .description = "Order 1001", .entries = entries, .n_entries = 2 },
					   ret_transaction);
}

static hm_status open_account(struct story *story, struct hm_context *context, const char *code,
			      Accounting__AccountType type)
{
	Accounting__Account *account;

	story->calls.accounting++;
	return accounting_open_account(platform_channel(story->platform, "accounting"), context,
				       &(Accounting__OpenAccountRequest){ ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE,
									  .code = code, .name = code,
									  HM_SET(type, type), .currency = "USD" },
				       &account);
}

static hm_status play_refusals(struct story *story)
{
	struct hm_channel *accounting = platform_channel(story->platform, "accounting");
	Accounting__Transaction *transaction;
	hm_status status;

	act("Who may not, and who is elsewhere");
	status = post(story, story->bob, "bank:usd", "wallet:bob", &transaction);
	story_check(story, status == HM_PERMISSION_DENIED, "bob has no role: %s: %s", hm_status_name(status),
		    hm_error_get()->message);
	TRY(post(story, story->ana, "bank:usd", "wallet:bob", &transaction));
	snprintf(story->loops_transaction, sizeof story->loops_transaction, "%s", transaction->id);
	TRY(open_account(story, story->eve, "bank:usd", ACCOUNTING__ACCOUNT_TYPE__ASSET));
	TRY(open_account(story, story->eve, "revenue:classes", ACCOUNTING__ACCOUNT_TYPE__REVENUE));
	TRY(post(story, story->eve, "bank:usd", "revenue:classes", &transaction));
	story->calls.accounting++;
	status = accounting_get_transaction(
		accounting, story->eve,
		&(Accounting__GetTransactionRequest){ ACCOUNTING_GET_TRANSACTION_REQUEST_BASE,
						      .id = story->loops_transaction },
		&transaction);
	story_check(story, status == HM_NOT_FOUND, "eve of nova asks for a transaction of loop: %s",
		    hm_status_name(status));
	return HM_OK;
}

hm_status story_play(struct story *story)
{
	story->journal_lines = count_lines(story->journal);
	story->account_lines = count_lines(ACCOUNTS);
	if (!story->journal_lines)
		return hm_raise(NOT_FOUND, "no journal in %s", story->journal);
	TRY(play_people(story));
	play_journal(story);
	TRY(play_tree(story));
	return play_refusals(story);
}
