/* Verify: what the platform promises, checked by calls and in the database itself. */
#include <stdio.h>
#include <string.h>

#include "accounting/v1/accounting.hm.h"
#include "story.h"

/* Entries = calls. What the log holds of it is counted as the superuser, over all brands. */
static void check_entries(struct story *story, const char *service, int64_t calls)
{
	char sql[128];
	int64_t entries;

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s.audit_log", service);
	entries = platform_sql(story->platform, sql);
	story_check(story, entries == calls, "%-10s %4lld calls made, %4lld audit entries", service, (long long)calls,
		    (long long)entries);
}

/* Counts, as each service's own role under a brand, the rows of other brands that it sees in all tables of all services. */
static const char count_foreign_rows[] =
	"CREATE OR REPLACE FUNCTION pg_temp.foreign_rows(brand text) RETURNS bigint LANGUAGE plpgsql AS $$ "
	"DECLARE t record; seen bigint; total bigint := 0; BEGIN "
	"PERFORM set_config('hallmark.brand_id', brand, true); "
	"FOR t IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	"JOIN pg_roles r ON r.oid = c.relowner WHERE c.relkind IN ('r', 'p') AND r.rolname = n.nspname || '_owner' "
	"AND c.relname <> 'hallmark_migration' LOOP "
	"EXECUTE format('SET LOCAL ROLE %I', t.nspname || '_app'); "
	"EXECUTE format('SELECT count(*) FROM %I.%I WHERE brand_id <> %L', t.nspname, t.relname, brand) INTO seen; "
	"total := total + seen; RESET ROLE; END LOOP; RETURN total; END $$";

/* Rows of the catalog of brands are the system's, and a brand may see its own row there. */
static void check_isolation(struct story *story)
{
	int64_t rows = platform_sql(story->platform, "SELECT count(*) FROM accounting.entries WHERE brand_id = 'loop'");

	platform_sql(story->platform, count_foreign_rows);
	story_check(story, rows > 0, "loop has %lld ledger entries", (long long)rows);
	story_check(story,
		    platform_sql(story->platform, "SELECT pg_temp.foreign_rows('nova') - count(*) FROM platform.brands "
						  "WHERE id = 'nova'") == 0,
		    "under brand nova no table of any service shows a row of another brand");
	story_check(story, platform_sql(story->platform, "SELECT pg_temp.foreign_rows('')") == 0,
		    "without a brand no table shows any row");
}

static hm_status check_what_eve_lists(struct story *story)
{
	struct hm_channel *accounting = platform_channel(story->platform, "accounting");
	Accounting__ListTransactionsReply *transactions;
	Accounting__ListAccountsReply *accounts;

	story->calls.accounting += 2;
	TRY(accounting_list_transactions(
		accounting, story->eve,
		&(Accounting__ListTransactionsRequest){ ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE }, &transactions));
	TRY(accounting_list_accounts(accounting, story->eve,
				     &(Accounting__ListAccountsRequest){ ACCOUNTING_LIST_ACCOUNTS_REQUEST_BASE },
				     &accounts));
	story_check(story, transactions->n_transactions == 1 && accounts->n_accounts == 2,
		    "eve lists her own %zu transaction and %zu accounts, nothing else", transactions->n_transactions,
		    accounts->n_accounts);
	return HM_OK;
}

static hm_status check_balance(struct story *story, struct hm_context *context)
{
	Accounting__TrialBalanceReply *balance;

	story->calls.accounting++;
	TRY(accounting_trial_balance(platform_channel(story->platform, "accounting"), context,
				     &(Accounting__TrialBalanceRequest){ ACCOUNTING_TRIAL_BALANCE_REQUEST_BASE },
				     &balance));
	for (size_t i = 0; i < balance->n_lines; i++) {
		const Accounting__TrialBalanceLine *line = balance->lines[i];

		story_check(story, line->difference == 0 && line->drifted_accounts == 0 && line->debits > 0,
			    "%s %s: debits %lld, credits %lld, difference %lld", context->brand, line->currency,
			    (long long)line->debits, (long long)line->credits, (long long)line->difference);
	}
	return HM_OK;
}

/* The tree is drawn by the program itself, which asks every service's log for the request. */
static void show_tree(struct story *story)
{
	struct hm_buffer output = { 0 };
	int status;

	printf("\n  The path of one request\n");
	status = platform_run(story->platform, true, NULL, &output, "audit", "show", story->tree_request, "--brand",
			      "loop", "--as", "operator", NULL);
	story->calls.platform++;
	story->calls.identity++;
	story->calls.accounting++;
	story_check(story,
		    status == 0 && output.data && strstr(output.data, "Ledger/OpenAccount") &&
			    strstr(output.data, "└─ identity.v1.Identity/GetUser"),
		    "two services, two entries, one request");
	hm_buffer_fini(&output);
}

hm_status story_verify(struct story *story)
{
	show_tree(story);
	printf("\n  What must hold\n");
	TRY(check_balance(story, story->ana));
	TRY(check_balance(story, story->eve));
	TRY(check_what_eve_lists(story));
	check_isolation(story);
	check_entries(story, "platform", story->calls.platform);
	check_entries(story, "identity", story->calls.identity);
	check_entries(story, "accounting", story->calls.accounting);
	return HM_OK;
}
