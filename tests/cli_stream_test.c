/* Cli: calls that stream, a line of JSON a message. */
#include <string.h>

#include "services/accounting/testing.h"
#include "tests/cli.h"

#define STREAM_TRANSACTIONS "accounting.v1.Ledger/StreamTransactions"

/* A book of so many transactions, that ana of loop may read. */
static void keep_book(int transactions)
{
	struct book book = { .f = cli_serving_all() };
	SCOPED(hm_channel) ledger = NULL;

	must(hm_channel_open("accounting", &ledger));
	book.f.channel = ledger;
	book.ana = fixture_user(&book.f, "loop", "ana");
	cli_token("loop", book.ana, "ana");
	book_add(&book, "cash", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	book_add(&book, "wallet", ACCOUNTING__ACCOUNT_TYPE__LIABILITY, "USD", false);
	for (int i = 1; i <= transactions; i++)
		must(book_post(&book, "cash", "wallet", i));
}

Test(cli, a_streams_replies_are_a_line_each_and_how_it_went_is_below)
{
	struct child_result r;

	keep_book(3);
	r = hallmark("call", STREAM_TRANSACTIONS, "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(cli_lines(r.out.data), 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(json_array_size(json_object_get(cli_json(r.out.data, i), "entries")), 2);
	shows(r.err.data, "3 messages");
	shows(r.err.data, "audit ");
	r = hallmark("call", STREAM_TRANSACTIONS, "{\"reference\":\"none\"}", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(r.out.size, 0);
}

Test(cli, a_stream_that_fails_is_told_as_any_call)
{
	struct child_result r;

	keep_book(0);
	r = hallmark("call", STREAM_TRANSACTIONS, "{\"afterId\":\"" NOBODY "\"}", "--brand", "loop", "--as", "ana",
		     NULL);
	ends(r, 1);
	shows(r.err.data, "NOT_FOUND: no transaction " NOBODY);
	shows(r.err.data, "request ");
	r = hallmark_with("{}\n", "call", STREAM_TRANSACTIONS, "-f", "-", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "takes one request");
}
