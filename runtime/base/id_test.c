/* Tests of ids. */
#include "base/id.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

Test(id, an_id_is_a_uuid_of_version_7_made_now)
{
	int64_t before_ms = hm_clock_wall_us() / HM_US_PER_MS, made_ms = 0;
	struct hm_id id = hm_id_new();
	int64_t after_ms = hm_clock_wall_us() / HM_US_PER_MS;

	for (int i = 0; i < 6; i++)
		made_ms = made_ms << 8 | id.bytes[i];
	cr_expect(before_ms <= made_ms && made_ms <= after_ms);
	cr_expect_eq(id.bytes[6] >> 4, 7);
	cr_expect_eq(id.bytes[8] >> 6, 2);
}

Test(id, each_is_greater_than_the_one_before_even_within_a_millisecond)
{
	struct hm_id last = hm_id_new();

	for (int i = 0; i < 100000; i++) {
		struct hm_id next = hm_id_new();

		cr_assert_gt(memcmp(next.bytes, last.bytes, 8), 0);
		last = next;
	}
}

enum { THREADS = 4, IDS = 20000 };
static struct hm_id made[THREADS][IDS];

static void *make_ids(void *ids)
{
	for (struct hm_id *id = ids; id < (struct hm_id *)ids + IDS; id++)
		*id = hm_id_new();
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hm_id));
}

Test(id, threads_never_make_the_same)
{
	const struct hm_id *all = &made[0][0];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, make_ids, made[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(made, THREADS * IDS, sizeof(struct hm_id), compare);
	for (size_t i = 1; i < THREADS * IDS; i++)
		cr_assert_neq(memcmp(all[i - 1].bytes, all[i].bytes, 8), 0, "time and counter alone tell ids apart");
}

Test(id, text_comes_back_in_either_case)
{
	struct hm_id id = hm_id_new(), parsed = { { 0 } };
	char text[HM_ID_TEXT_BYTES];

	hm_id_format(&id, text);
	cr_expect_eq(strlen(text), 36);
	cr_expect(hm_id_parse(text, &parsed) && hm_id_equal(&id, &parsed));
	cr_expect(hm_id_parse("0198C0DE-ABCD-7000-8000-00000000000F", &parsed));
	hm_id_format(&parsed, text);
	cr_expect_str_eq(text, "0198c0de-abcd-7000-8000-00000000000f");
}

Test(id, what_is_not_exactly_a_uuid_is_refused)
{
	static const char *const texts[] = { "",
					     "0198c0de",
					     "0198c0de-abcd-7000-8000-00000000000",
					     "0198c0de-abcd-7000-8000-0000000000000",
					     "0198c0deabcd70008000000000000000",
					     "0198c0de-abcd-7000-8000-00000000000g",
					     "0198c0de-abcd-7000-8000+000000000000",
					     "{198c0de-abcd-7000-8000-00000000000}",
					     " 198c0de-abcd-7000-8000-000000000000" };
	struct hm_id id = { { 1 } };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		cr_expect_not(hm_id_parse(texts[i], &id), "%s", texts[i]);
	cr_expect_eq(id.bytes[0], 1, "nothing is written on failure");
}

Test(id, zero_is_known_as_zero)
{
	struct hm_id id = { { 0 } };

	cr_expect(hm_id_is_zero(&id));
	id.bytes[15] = 1;
	cr_expect_not(hm_id_is_zero(&id));
}

Test(id, random_bytes_fill_any_size_and_differ)
{
	static uint8_t a[2000], b[2000], none[2000];

	hm_random(a, sizeof a);
	hm_random(b, sizeof b);
	cr_expect_neq(memcmp(a, b, sizeof a), 0);
	for (size_t i = 0; i + 16 <= sizeof a; i += 16)
		cr_expect_neq(memcmp(a + i, none, 16), 0, "bytes %zu to %zu were left out", i, i + 16);
	hm_random(a, 0);
}

Test(id, a_child_does_not_draw_its_parents_random_bytes)
{
	uint8_t warm_up[8], of_parent[32], of_child[32];
	int pipe_ends[2];
	pid_t child;

	hm_random(warm_up, sizeof warm_up);
	cr_assert_eq(pipe(pipe_ends), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (!child) {
		hm_random(of_child, sizeof of_child);
		_exit(write(pipe_ends[1], of_child, sizeof of_child) != sizeof of_child);
	}
	hm_random(of_parent, sizeof of_parent);
	cr_assert_eq(read(pipe_ends[0], of_child, sizeof of_child), sizeof of_child);
	cr_expect_neq(memcmp(of_parent, of_child, sizeof of_child), 0);
	waitpid(child, NULL, 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
