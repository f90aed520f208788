/* The sample journal (tests/data): real enough to post as a whole, and to post twice. */
#include <stdio.h>
#include <stdlib.h>

#include "testing.h"
#include "wire/json.h"

/* Makes a call for each line of a file of JSON requests and returns how many there were. */
static size_t call_each_line(const struct book *book, const char *path, const struct hm_method *method)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t capacity = 0, calls = 0;

	cr_assert(file, "%s", path);
	for (ssize_t size; (size = getline(&line, &capacity, file)) > 0; calls++) {
		ProtobufCMessage *request, *reply;

		must(hm_json_parse(&book->ana->arena, method->request, line, (size_t)size, &request));
		must(hm_channel_call(book->f.channel, book->ana, method, request, &reply));
		hm_context_reset(book->ana);
	}
	free(line);
	fclose(file);
	return calls;
}

Test(accounting, posts_the_sample_journal_and_nothing_of_it_twice, .timeout = 60)
{
	struct book b = book_open();
	const struct hm_method *open = hm_method_find(&accounting_table, "OpenAccount");
	const struct hm_method *post = hm_method_find(&accounting_table, "PostTransaction");
	size_t posted;
	int64_t cash;

	cr_assert_gt(call_each_line(&b, "tests/data/accounts.jsonl", open), 0);
	posted = call_each_line(&b, "tests/data/journal.jsonl", post);
	cr_assert_gt(posted, 250);
	book_is_sound(&b);
	cash = book_balance(&b, "bank:usd")->balance;
	cr_assert_gt(call_each_line(&b, "tests/data/accounts.jsonl", open), 0);
	cr_assert_eq(call_each_line(&b, "tests/data/journal.jsonl", post), posted);
	cr_assert_eq(book_balance(&b, "bank:usd")->balance, cash);
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.transactions"), (int64_t)posted);
}
