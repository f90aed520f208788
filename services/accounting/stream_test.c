/* Stream: the book as one reader sees it. */
#include "testing.h"

#define STREAM(...) \
	(&(Accounting__StreamTransactionsRequest){ ACCOUNTING_STREAM_TRANSACTIONS_REQUEST_BASE, __VA_ARGS__ })

/* Reads to the end: the amounts are those that were posted, in order. Returns how many there were. */
static int read_all(const struct book *b, const Accounting__StreamTransactionsRequest *request, int64_t first,
		    int64_t step)
{
	SCOPED(accounting_stream_transactions) stream = NULL;
	Accounting__Transaction *transaction;

	must(accounting_stream_transactions(b->f.channel, b->ana, request, &stream));
	for (int count = 0;; count++) {
		must(accounting_stream_transactions_next(stream, &transaction));
		if (!transaction)
			return count;
		cr_assert_eq(transaction->n_entries, 2);
		cr_assert_eq(transaction->entries[0]->amount, first + count * step);
	}
}

static Accounting__Transaction *post(const struct book *b, int64_t amount)
{
	Accounting__Transaction *posted;

	must(accounting_post_transaction(b->f.channel, b->ana,
					 POST(.description = "x", .reference = amount % 2 ? "order:1" : NULL,
					      ENTRIES(ENTRY("cash", amount), ENTRY("wallet", -amount))),
					 &posted));
	return posted;
}

Test(accounting, streams_transactions_the_first_first_and_goes_on_where_it_was_broken)
{
	struct book b = book_open();
	const char *fourth = NULL;

	for (int64_t i = 1; i <= 450; i++) {
		Accounting__Transaction *posted = post(&b, i);

		if (i == 4)
			fourth = posted->id;
	}
	cr_assert_eq(read_all(&b, STREAM(), 1, 1), 450);
	cr_assert_eq(read_all(&b, STREAM(.after_id = fourth), 5, 1), 446);
	cr_assert_eq(read_all(&b, STREAM(.reference = "order:1"), 1, 2), 225);
	cr_assert_eq(read_all(&b, STREAM(.reference = "order:1", .after_id = fourth), 5, 2), 223);
}

Test(accounting, streams_what_was_posted_in_a_time)
{
	struct book b = book_open();
	Google__Protobuf__Timestamp *from, *until;

	post(&b, 1);
	from = post(&b, 2)->posted_at;
	post(&b, 3);
	until = post(&b, 4)->posted_at;
	cr_assert_eq(read_all(&b, STREAM(.from = from), 2, 1), 3);
	cr_assert_eq(read_all(&b, STREAM(.until = until), 1, 1), 3);
	cr_assert_eq(read_all(&b, STREAM(.reference = "nothing"), 0, 0), 0);
}

Test(accounting, a_stream_after_a_transaction_nobody_made_is_refused)
{
	struct book b = book_open();
	SCOPED(accounting_stream_transactions) stream = NULL;
	Accounting__Transaction *transaction;

	must(accounting_stream_transactions(b.f.channel, b.ana, STREAM(.after_id = NOBODY), &stream));
	refuses(NOT_FOUND, accounting_stream_transactions_next(stream, &transaction));
}

Test(accounting, a_stream_shows_another_brand_nothing_and_counts_what_it_showed)
{
	struct book b = book_open();
	struct hm_context *ana = b.ana;

	post(&b, 1);
	hm_context_reset(ana);
	cr_assert_eq(read_all(&b, STREAM(), 1, 1), 1);
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.audit_log WHERE event_type = "
				       "'transaction.streamed' AND details->>'messages_sent' = '1'"),
		     1);
	b.ana = fixture_user(&b.f, "nova", "eve");
	cr_assert_eq(read_all(&b, STREAM(), 0, 0), 0);
}
