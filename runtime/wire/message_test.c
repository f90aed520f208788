/* Tests of messages from foreign bytes: what is accepted, and the words for what is not. */
#include "wire/message.h"

#include <criterion/criterion.h>
#include <everything/everything.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <string.h>

static struct hm_arena arena;
static struct hm_buffer wire;

static void clean_up(void)
{
	hm_arena_fini(&arena);
	hm_buffer_fini(&wire);
}

TestSuite(message, .fini = clean_up);

static hm_status unpack(const void *bytes, size_t size, Everything__Everything **ret_message)
{
	ProtobufCMessage *message;

	TRY(hm_message_unpack(&arena, &everything__everything__descriptor, bytes, size, &message));
	*ret_message = (Everything__Everything *)message;
	return HM_OK;
}

static Everything__Everything *unpacked(const void *bytes, size_t size)
{
	Everything__Everything *message = NULL;

	cr_assert_eq(unpack(bytes, size, &message), HM_OK, "%s", hm_error_get()->message);
	return message;
}

static void refuses(const void *bytes, size_t size, const char *words)
{
	Everything__Everything *message = NULL;

	cr_expect_eq(unpack(bytes, size, &message), HM_INVALID_ARGUMENT, "expected: %s", words);
	cr_expect_str_eq(hm_error_get()->message, words);
	cr_expect_null(message);
}

/* Bytes as a string literal, NULs and all. */
#define UNPACKED(literal) unpacked(literal, sizeof(literal) - 1)
#define REFUSES(literal, words) refuses(literal, sizeof(literal) - 1, words)

/* Puts what is on the wire within a length-prefixed field of a one-byte tag. */
static void wrap(uint8_t tag)
{
	uint8_t head[6] = { tag };
	size_t size = wire.size, n = 1;

	for (; size >= 0x80; size >>= 7)
		head[n++] = (uint8_t)(size | 0x80);
	head[n++] = (uint8_t)size;
	hm_buffer_reserve(&wire, n);
	memmove(wire.data + n, wire.data, wire.size);
	memcpy(wire.data, head, n);
	hm_buffer_advance(&wire, n);
}

Test(message, every_kind_of_field_is_unpacked)
{
	Everything__Scalars scalars = EVERYTHING__SCALARS__INIT;
	Everything__Lists lists = EVERYTHING__LISTS__INIT;
	Everything__Everything sent = EVERYTHING__EVERYTHING__INIT, *got;
	int64_t numbers[] = { INT64_MIN, 0, INT64_MAX };
	double reals[] = { 0.5, -1e300 };
	const char *texts[] = { "", "ö" };
	size_t size;

	scalars.has_a_sint64 = 1;
	scalars.a_sint64 = INT64_MIN;
	scalars.text = "text";
	scalars.far_away = "far";
	lists.n_an_int64 = 3;
	lists.an_int64 = numbers;
	lists.n_a_double = 2;
	lists.a_double = reals;
	lists.n_text = 2;
	lists.text = texts;
	sent.scalars = &scalars;
	sent.lists = &lists;
	sent.choice_case = EVERYTHING__EVERYTHING__CHOICE_A_NUMBER;
	sent.a_number = -1;
	size = protobuf_c_message_get_packed_size(&sent.base);
	protobuf_c_message_pack(&sent.base, (uint8_t *)hm_buffer_reserve(&wire, size));
	hm_buffer_advance(&wire, size);

	got = unpacked(wire.data, wire.size);
	cr_expect(got->scalars->has_a_sint64 && got->scalars->a_sint64 == INT64_MIN);
	cr_expect_str_eq(got->scalars->text, "text");
	cr_expect_str_eq(got->scalars->far_away, "far");
	cr_assert_eq(got->lists->n_an_int64, 3);
	cr_expect_arr_eq(got->lists->an_int64, numbers, sizeof numbers);
	cr_assert_eq(got->lists->n_a_double, 2);
	cr_expect_arr_eq(got->lists->a_double, reals, sizeof reals);
	cr_assert_eq(got->lists->n_text, 2);
	cr_expect_str_eq(got->lists->text[1], "ö");
	cr_expect(got->choice_case == EVERYTHING__EVERYTHING__CHOICE_A_NUMBER && got->a_number == -1);
}

Test(message, packed_and_loose_numbers_are_both_read_where_either_was_declared)
{
	const Everything__Everything *message = UNPACKED("\x12\x0c\x0a\x02\x01\x02\x08\x03\x20\x01\x22\x02\x02\x03");

	cr_assert_eq(message->lists->n_an_int32, 3);
	cr_expect_arr_eq(message->lists->an_int32, ((int32_t[]){ 1, 2, 3 }), 12);
	cr_assert_eq(message->lists->n_an_int64, 3);
	cr_expect_arr_eq(message->lists->an_int64, ((int64_t[]){ 1, 2, 3 }), 24);
}

Test(message, no_bytes_at_all_are_an_empty_message)
{
	cr_expect_null(unpacked(NULL, 0)->scalars);
}

Test(message, unknown_fields_of_any_wire_type_are_dropped)
{
	/* 100: a varint, 101: 8 bytes, 102: a string that is no UTF-8, 103: 4 bytes; and one within scalars. */
	const Everything__Everything *message = UNPACKED("\xa0\x06\x05\xa9\x06........\xb2\x06\x02\xff\x00\xbd\x06...."
							 "\x0a\x07\xa0\x06\x05\x7a\x02hi");

	cr_expect_eq(message->base.n_unknown_fields, 0);
	cr_expect_eq(message->scalars->base.n_unknown_fields, 0);
	cr_expect_str_eq(message->scalars->text, "hi");
	cr_expect_eq(protobuf_c_message_get_packed_size(&message->base), 6);
}

Test(message, the_last_of_a_oneof_counts)
{
	const Everything__Everything *message = UNPACKED("\x42\x01x\x52\x00\x48\x07");

	cr_expect_eq(message->choice_case, EVERYTHING__EVERYTHING__CHOICE_A_NUMBER);
	cr_expect_eq(message->a_number, 7);
}

Test(message, a_nul_in_text_is_refused)
{
	REFUSES("\x42\x06"
		"acme\0x",
		"aWord: a NUL byte in text in everything.Everything");
	REFUSES("\x42\x01\0", "aWord: a NUL byte in text in everything.Everything");
	cr_expect_eq(UNPACKED("\x5a\x06"
			      "acme\0x")
			     ->a_blob.len,
		     6, "bytes are bytes");
}

Test(message, text_that_is_not_utf8_is_refused)
{
	REFUSES("\x42\x03\xc3\xb6\xff", "aWord: text that is not UTF-8 in everything.Everything");
	REFUSES("\x42\x02\xc0\x80", "aWord: text that is not UTF-8 in everything.Everything");
	REFUSES("\x42\x03\xed\xa0\x80", "aWord: text that is not UTF-8 in everything.Everything");
	REFUSES("\x42\x04\xf4\x90\x80\x80", "aWord: text that is not UTF-8 in everything.Everything");
	REFUSES("\x12\x03\x7a\x01\x80", "lists.text: text that is not UTF-8 in everything.Lists");
	REFUSES("\x32\x05\x32\x03\x42\x01\xe2", "inner.inner.aWord: text that is not UTF-8 in everything.Everything");
	cr_expect_str_eq(hm_error_get()->violations[0].field, "inner.inner.aWord");
}

Test(message, bytes_that_end_too_early_are_refused)
{
	REFUSES("\x42", "aWord: the bytes end too early in everything.Everything");
	REFUSES("\x42\x05"
		"abcd",
		"aWord: the bytes end too early in everything.Everything");
	REFUSES("\x48\x80", "aNumber: a malformed number in everything.Everything");
	REFUSES("\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"aNumber: a malformed number in everything.Everything");
	REFUSES("\x0a\x05\x1d\x00\x00\x00", "scalars: the bytes end too early in everything.Everything");
	REFUSES("\x0a\x03\x1d\x00\x00", "scalars.aSfixed32: the bytes end too early in everything.Scalars");
	REFUSES("\xa9\x06.", "the bytes end too early in everything.Everything");
	REFUSES("\x80", "a malformed field number in everything.Everything");
	REFUSES("\x42\xff\xff\xff\xff\x7f", "aWord: the bytes end too early in everything.Everything");
}

Test(message, wrong_wire_types_and_groups_are_refused)
{
	REFUSES("\x40\x01", "aWord: a wire type of another kind of field in everything.Everything");
	REFUSES("\x4a\x01\x01", "aNumber: a wire type of another kind of field in everything.Everything");
	REFUSES("\x0a\x05\x6d\x01\x00\x00\x00",
		"scalars.aBool: a wire type of another kind of field in everything.Scalars");
	REFUSES("\xa3\x06\xa4\x06", "a group, or a wire type that does not exist, in everything.Everything");
	REFUSES("\x00\x00", "a malformed field number in everything.Everything");
}

Test(message, malformed_packed_numbers_are_refused)
{
	REFUSES("\x12\x04\x0a\x02\x01\x80", "lists.anInt32: a malformed number in everything.Lists");
	REFUSES("\x12\x05\x1a\x03\x01\x02\x03", "lists.aSfixed32: packed numbers of a broken size in everything.Lists");
	REFUSES("\x12\x04\x6a\x02\x01\x02", "lists.aBool: a bool that is neither 0 nor 1 in everything.Lists");
}

Test(message, unknown_enum_values_are_refused)
{
	REFUSES("\x0a\x02\x70\x03", "scalars.colour: an unknown enum value in everything.Scalars");
	REFUSES("\x12\x05\x72\x03\x01\x02\x07", "lists.colour: an unknown enum value in everything.Lists");
	cr_expect_eq(UNPACKED("\x0a\x0b\x70\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")->scalars->colour,
		     EVERYTHING__COLOUR__INFRARED);
}

Test(message, a_singular_message_given_twice_is_refused)
{
	REFUSES("\x0a\x00\x0a\x00", "scalars: a second value for one field in everything.Everything");
	cr_expect_eq(UNPACKED("\x3a\x00\x3a\x00")->n_children, 2, "a repeated one may be");
	cr_expect(UNPACKED("\x52\x00\x52\x00")->a_message, "of a oneof the last counts");
}

Test(message, missing_required_fields_are_refused)
{
	REFUSES("\x2a\x02\x10\x01", "demanding.name: a required field is missing in everything.Demanding");
	REFUSES("\x2a\x03\x0a\x01x", "demanding.size: a required field is missing in everything.Demanding");
	cr_expect_str_eq(UNPACKED("\x2a\x04\x0a\x00\x10\x00")->demanding->name, "");
}

Test(message, nesting_is_bounded)
{
	Everything__Everything *message = NULL;

	for (int depth = 1; depth < HM_MESSAGE_DEPTH_MAX; depth++)
		wrap(0x32);
	cr_expect_eq(unpack(wire.data, wire.size, &message), HM_OK);
	wrap(0x32);
	cr_expect_eq(unpack(wire.data, wire.size, &message), HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, "messages nested too deeply in everything.Everything") != NULL);
	for (int depth = 0; depth < 10000; depth++)
		wrap(0x32);
	cr_expect_eq(unpack(wire.data, wire.size, &message), HM_INVALID_ARGUMENT);
}

Test(message, the_number_of_fields_is_bounded)
{
	for (int i = 0; i <= HM_MESSAGE_FIELDS_MAX; i++)
		hm_buffer_add(&wire, "\x48\x01", 2);
	refuses(wire.data, wire.size, "too many fields in everything.Everything");
	unpacked(wire.data, wire.size - 2);
}

Test(message, what_it_decodes_to_is_bounded_by_what_came)
{
	for (int i = 0; i < HM_MESSAGE_FIELDS_MAX / 2; i++)
		hm_buffer_add(&wire, "\x3a\x00", 2);
	refuses(wire.data, wire.size, "children: too much to decode in everything.Everything");
}

Test(message, a_copy_shares_nothing_with_its_original)
{
	struct hm_arena first = { 0 };
	ProtobufCMessage *original, *copy;

	cr_assert_eq(hm_message_unpack(&first, &everything__everything__descriptor, "\x0a\x04\x7a\x02hi\x42\x01x", 9,
				       &original),
		     HM_OK);
	cr_assert_eq(hm_message_copy(&arena, original, &copy), HM_OK);
	hm_arena_fini(&first);
	cr_expect_str_eq(((Everything__Everything *)copy)->scalars->text, "hi");
	cr_expect_str_eq(hm_field_text(&arena, copy, "a_word"), "x");
}

Test(message, a_new_message_is_empty_but_for_its_defaults)
{
	ProtobufCMessage *message = hm_message_new(&arena, &everything__defaults__descriptor);

	cr_expect_eq(((Everything__Defaults *)message)->limit, 20);
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		cr_expect_not(hm_field_is_set(message, &message->descriptor->fields[i]));
	cr_expect_null(hm_field_text(&arena, message, "order"));
}

Test(message, fields_are_found_by_either_name_and_no_other)
{
	const ProtobufCMessageDescriptor *scalars = &everything__scalars__descriptor;

	cr_expect_eq(hm_field_find(scalars, "far_away"), hm_field_find(scalars, "farAway"));
	cr_expect_str_eq(hm_field_find(scalars, "farAway")->name, "far_away");
	cr_expect_null(hm_field_find(scalars, "FarAway"));
	cr_expect_null(hm_field_find(scalars, "far_awa"));
	cr_expect_null(hm_field_find(scalars, ""));
}

Test(message, every_scalar_has_a_text)
{
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Everything__WellKnown known = EVERYTHING__WELL_KNOWN__INIT;
	Everything__Scalars scalars = {
		.base = PROTOBUF_C_MESSAGE_INIT(&everything__scalars__descriptor),
		.has_an_int32 = 1,
		.an_int32 = INT32_MIN,
		.has_a_fixed32 = 1,
		.a_fixed32 = UINT32_MAX,
		.has_an_int64 = 1,
		.an_int64 = INT64_MIN,
		.has_a_uint64 = 1,
		.a_uint64 = UINT64_MAX,
		.has_a_float = 1,
		.a_float = 0.1F,
		.has_a_double = 1,
		.a_double = -0.0,
		.has_a_bool = 1,
		.a_bool = 1,
		.has_colour = 1,
		.colour = EVERYTHING__COLOUR__GREEN,
		.text = "as it is",
		.has_data = 1,
		.data = { 2, (uint8_t[]){ 0xff, 0x00 } },
	};
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "an_int32", "-2147483648" },
		{ "a_fixed32", "4294967295" },
		{ "an_int64", "-9223372036854775808" },
		{ "a_uint64", "18446744073709551615" },
		{ "aFloat", "0.1" },
		{ "a_double", "-0.0" },
		{ "a_bool", "true" },
		{ "colour", "GREEN" },
		{ "text", "as it is" },
		{ "data", "/wA=" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_str_eq(hm_field_text(&arena, &scalars.base, cases[i].name), cases[i].text);
	cr_expect_eq(hm_field_text(&arena, &scalars.base, "text"), scalars.text);
	cr_expect_null(hm_field_text(&arena, &scalars.base, "a_sint32"));
	cr_expect_null(hm_field_text(&arena, &scalars.base, "no_such_field"));
	time.seconds = 1;
	known.created_at = &time;
	cr_expect_str_eq(hm_field_text(&arena, &known.base, "created_at"), "1970-01-01T00:00:01Z");
}

Test(message, text_is_set_in_string_fields_alone)
{
	Everything__Everything message = EVERYTHING__EVERYTHING__INIT;
	static const char word[] = "word";

	cr_expect(hm_field_set_text(&message.base, "aWord", word));
	cr_expect_eq(message.choice_case, EVERYTHING__EVERYTHING__CHOICE_A_WORD);
	cr_expect_eq(message.a_word, word);
	cr_expect_not(hm_field_set_text(&message.base, "a_number", word));
	cr_expect_not(hm_field_set_text(&message.base, "scalars", word));
	cr_expect_not(hm_field_set_text(&message.base, "no_such_field", word));
}
