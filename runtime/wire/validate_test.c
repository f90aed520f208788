/* Tests of validation, by rules as the generator writes them. */
#include <criterion/criterion.h>
#include <everything/everything.pb-c.h>
#include <pthread.h>
#include <string.h>

#include "wire/json.h"
#include "wire/message.h"

static struct hm_arena arena;

static void clean_up(void)
{
	hm_arena_fini(&arena);
}

TestSuite(validate, .fini = clean_up);

/* Indices into fields[], which is sorted by number. */
enum { AN_INT64 = 3, A_UINT64 = 8, A_DOUBLE = 11, TEXT = 14, DATA = 15, FAR_AWAY = 16 };
enum { SCALARS = 0, LISTS = 1, CHILDREN = 6, A_WORD = 7 };

static const struct hm_field_rule scalar_fields[] = {
	{ .field = AN_INT64, .has_min = true, .min = -5, .has_max = true, .max = 5 },
	{ .field = A_UINT64, .has_min = true, .min = -1, .has_max = true, .max = INT64_MAX },
	{ .field = A_DOUBLE, .has_min = true, .min = 0 },
	{ .field = TEXT, .min_length = 2, .max_length = 4, .pattern = "[a-zö]+|[0-9]+" },
	{ .field = DATA, .max_length = 2 },
	{ .field = FAR_AWAY, .uuid = true },
};
static const struct hm_message_rules scalar_rules = { &everything__scalars__descriptor, scalar_fields, 6 };

static const struct hm_field_rule list_fields[] = {
	{ .field = 0, .has_min = true, .min = 1 },
	{ .field = TEXT, .required = true, .max_length = 2, .pattern = "[A-Z]*" },
};
static const struct hm_message_rules list_rules = { &everything__lists__descriptor, list_fields, 2 };

static const struct hm_message_rules everything_rules;
static const struct hm_field_rule everything_fields[] = {
	{ .field = SCALARS, .message = &scalar_rules },
	{ .field = LISTS, .message = &list_rules },
	{ .field = CHILDREN, .message = &everything_rules },
	{ .field = A_WORD, .required = true },
};
static const struct hm_message_rules everything_rules = { &everything__everything__descriptor, everything_fields, 4 };

static hm_status validate(const char *json)
{
	ProtobufCMessage *message = NULL;

	cr_assert_eq(hm_json_parse(&arena, &everything__everything__descriptor, json, strlen(json), &message), HM_OK,
		     "%s", hm_error_get()->message);
	return hm_message_validate(message, &everything_rules);
}

static void accepts(const char *json)
{
	cr_expect_eq(validate(json), HM_OK, "%s: %s", json, hm_error_get()->message);
}

static void refuses(const char *json, const char *message)
{
	cr_expect_eq(validate(json), HM_INVALID_ARGUMENT, "%s", json);
	cr_expect_str_eq(hm_error_get()->message, message);
}

Test(validate, accepts_what_keeps_every_rule)
{
	accepts("{\"aWord\":\"x\"}");
	accepts("{\"aWord\":\"x\",\"scalars\":{\"anInt64\":-5,\"aUint64\":\"9223372036854775807\",\"aDouble\":0,"
		"\"text\":\"öööö\",\"data\":\"AAA=\",\"farAway\":\"0198C0DE-0000-7000-8000-000000000000\"}}");
	accepts("{\"aWord\":\"x\",\"lists\":{\"anInt32\":[1,2],\"text\":[\"\",\"ABCDEF\"]}}");
	cr_expect_eq(hm_message_validate(hm_message_new(&arena, &everything__lists__descriptor), NULL), HM_OK);
}

Test(validate, required_fields_must_be_given_and_text_not_be_empty)
{
	refuses("{}", "aWord: must be given");
	refuses("{\"aWord\":\"\"}", "aWord: must not be empty");
	refuses("{\"aWord\":\"x\",\"lists\":{\"text\":[]}}", "lists.text: must be given");
}

Test(validate, numbers_are_held_against_their_bounds_exactly)
{
	refuses("{\"aWord\":\"x\",\"scalars\":{\"anInt64\":-6}}", "scalars.anInt64: must be at least -5");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"anInt64\":6}}", "scalars.anInt64: must be at most 5");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"aUint64\":\"9223372036854775808\"}}",
		"scalars.aUint64: must be at most 9223372036854775807");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"aDouble\":-1e-300}}", "scalars.aDouble: must be at least 0");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"aDouble\":\"NaN\"}}", "scalars.aDouble: must be at least 0");
}

Test(validate, lengths_are_characters_bytes_or_elements)
{
	refuses("{\"aWord\":\"x\",\"scalars\":{\"text\":\"ö\"}}", "scalars.text: must have at least 2 characters");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"text\":\"ööööö\"}}", "scalars.text: must have at most 4 characters");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"data\":\"AAAA\"}}", "scalars.data: must have at most 2 bytes");
	refuses("{\"aWord\":\"x\",\"lists\":{\"text\":[\"A\",\"B\",\"C\"]}}",
		"lists.text: must have at most 2 elements");
}

Test(validate, a_pattern_holds_for_the_whole_text_and_every_alternative)
{
	accepts("{\"aWord\":\"x\",\"scalars\":{\"text\":\"123\"}}");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"text\":\"ab1\"}}", "scalars.text: must match [a-zö]+|[0-9]+");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"text\":\"1ab\"}}", "scalars.text: must match [a-zö]+|[0-9]+");
	refuses("{\"aWord\":\"x\",\"scalars\":{\"text\":\"ab\\n\"}}", "scalars.text: must match [a-zö]+|[0-9]+");
	refuses("{\"aWord\":\"x\",\"lists\":{\"text\":[\"A\",\"b\"]}}", "lists.text[1]: must match [A-Z]*");
}

Test(validate, a_uuid_is_one_in_its_long_form)
{
	refuses("{\"aWord\":\"x\",\"scalars\":{\"farAway\":\"0198c0de\"}}", "scalars.farAway: must be a UUID");
}

Test(validate, everything_wrong_is_said_at_once)
{
	const struct hm_error *error = hm_error_get();

	refuses("{\"children\":[{\"aWord\":\"x\"},{\"lists\":{\"anInt32\":[1,0],\"text\":[\"A\"]}}]}",
		"3 fields are wrong: children[1].lists.anInt32[1]: must be at least 1; children[1].aWord: must be "
		"given; "
		"aWord: must be given");
	cr_assert_eq(error->n_violations, 3);
	cr_expect_str_eq(error->violations[0].field, "children[1].lists.anInt32[1]");
	cr_expect_str_eq(error->violations[0].description, "must be at least 1");
	cr_expect_str_eq(error->violations[2].field, "aWord");
}

Test(validate, an_endless_list_of_wrongs_is_cut)
{
	struct hm_buffer json = { 0 };

	hm_buffer_add_text(&json, "{\"children\":[{}");
	for (int i = 0; i < 1000; i++)
		hm_buffer_add_text(&json, ",{}");
	hm_buffer_add_text(&json, "]}");
	cr_expect_eq(validate(json.data), HM_INVALID_ARGUMENT);
	cr_expect_eq(hm_error_get()->n_violations, HM_VIOLATIONS_MAX);
	hm_buffer_fini(&json);
}

Test(validate, a_contracts_broken_pattern_is_our_fault_not_the_callers)
{
	static const struct hm_field_rule field = { .field = TEXT, .pattern = "[" };
	static const struct hm_message_rules rules = { &everything__scalars__descriptor, &field, 1 };
	Everything__Scalars scalars = EVERYTHING__SCALARS__INIT;

	scalars.text = "x";
	cr_expect_eq(hm_message_validate(&scalars.base, &rules), HM_INTERNAL);
}

enum { THREADS = 8, RULES = 32 };
static struct hm_field_rule shared_fields[RULES];

static void *validate_all(void *unused)
{
	Everything__Scalars scalars = EVERYTHING__SCALARS__INIT;
	uintptr_t n_right = 0;

	(void)unused;
	scalars.text = "ab";
	for (int i = 0; i < RULES; i++) {
		struct hm_message_rules rules = { &everything__scalars__descriptor, &shared_fields[i], 1 };

		n_right += hm_message_validate(&scalars.base, &rules) == (i % 2 ? HM_OK : HM_INVALID_ARGUMENT);
	}
	return (void *)n_right;
}

Test(validate, many_threads_meet_a_pattern_for_the_first_time_at_once)
{
	pthread_t threads[THREADS];
	void *n_right;

	for (int i = 0; i < RULES; i++)
		shared_fields[i] = (struct hm_field_rule){ .field = TEXT, .pattern = i % 2 ? "a(b|c)" : "a(c|d)" };
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, validate_all, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &n_right);
		cr_expect_eq((uintptr_t)n_right, RULES);
	}
}
