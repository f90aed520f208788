/* Tests of JSON, both ways, by a contract with a field of every kind. */
#include "wire/json.h"

#include <criterion/criterion.h>
#include <everything/everything.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <math.h>
#include <string.h>

#include "wire/json_time.h"
#include "wire/message.h"

static struct hm_arena arena;
static struct hm_buffer buffer;

static void clean_up(void)
{
	hm_arena_fini(&arena);
	hm_buffer_fini(&buffer);
}

TestSuite(json, .fini = clean_up);

static hm_status parse(const ProtobufCMessageDescriptor *descriptor, const char *text, ProtobufCMessage **ret_message)
{
	return hm_json_parse(&arena, descriptor, text, strlen(text), ret_message);
}

static const Everything__Everything *parsed(const char *text)
{
	ProtobufCMessage *message = NULL;

	cr_assert_eq(parse(&everything__everything__descriptor, text, &message), HM_OK, "%s", hm_error_get()->message);
	return (const Everything__Everything *)message;
}

static const char *written(const void *message)
{
	hm_buffer_reset(&buffer);
	hm_json_write(&buffer, message);
	return buffer.data;
}

/* The text is read and must come out as it went in. */
static void comes_back(const char *text)
{
	cr_expect_str_eq(written(parsed(text)), text);
}

/* The text is refused in exactly these words, with the path in the violation. */
static void is_refused(const char *text, const char *words)
{
	ProtobufCMessage *message = NULL;

	cr_expect_eq(parse(&everything__everything__descriptor, text, &message), HM_INVALID_ARGUMENT, "%s", text);
	cr_expect_str_eq(hm_error_get()->message, words);
	cr_expect_null(message);
}

Test(json, every_kind_of_value_comes_back_as_it_was)
{
	comes_back("{}");
	comes_back("{\"scalars\":{\"anInt32\":-5,\"aSint32\":-2147483648,\"aSfixed32\":2147483647,"
		   "\"anInt64\":\"-9223372036854775808\",\"aSint64\":\"9223372036854775807\",\"aSfixed64\":\"0\","
		   "\"aUint32\":4294967295,\"aFixed32\":0,\"aUint64\":\"18446744073709551615\",\"aFixed64\":\"7\","
		   "\"aFloat\":0.1,\"aDouble\":1.7976931348623157e+308,\"aBool\":false,\"colour\":\"INFRARED\","
		   "\"text\":\"a\\\"\\\\\\n\\u0001 ö €\",\"data\":\"AAEC/w==\",\"farAway\":\"\"}}");
	comes_back(
		"{\"lists\":{\"anInt32\":[1,-1],\"aDouble\":[1.5,\"NaN\",\"Infinity\",\"-Infinity\",-0.0],"
		"\"aBool\":[true,false],\"colour\":[\"RED\",\"RED\"],\"text\":[\"\",\"x\"],\"data\":[\"\",\"AA==\"]}}");
	comes_back("{\"wellKnown\":{\"createdAt\":\"2026-11-22T10:00:00.123Z\",\"took\":\"-1.500s\",\"nothing\":{},"
		   "\"maybeText\":\"\",\"maybeInt64\":\"0\",\"maybeBool\":false,\"maybeBytes\":\"\",\"maybeDouble\":0,"
		   "\"seenAt\":[\"0001-01-01T00:00:00Z\",\"9999-12-31T23:59:59.999999999Z\"]}}");
	comes_back("{\"inner\":{\"inner\":{\"aWord\":\"deep\"}},\"children\":[{},{\"aNumber\":\"3\"}]}");
}

Test(json, reads_both_names_of_a_field_and_null_as_absent)
{
	const Everything__Everything *message =
		parsed("{\"well_known\":{\"maybe_text\":null},\"scalars\":null,\"lists\":{\"text\":null}}");

	cr_expect(message->well_known && !message->well_known->maybe_text);
	cr_expect_null(message->scalars);
	cr_expect_eq(message->lists->n_text, 0);
}

Test(json, reads_64_bit_integers_as_numbers_where_they_are_exact)
{
	const Everything__Scalars *scalars =
		parsed("{\"scalars\":{\"anInt64\":9007199254740993,\"anInt32\":1e3,\"aUint64\":5.0}}")->scalars;

	cr_expect_eq(scalars->an_int64, 9007199254740993);
	cr_expect_eq(scalars->an_int32, 1000);
	cr_expect_eq(scalars->a_uint64, 5);
	is_refused("{\"scalars\":{\"anInt64\":1.5}}",
		   "scalars.anInt64: expected a 64-bit integer, found the number 1.5");
	is_refused("{\"scalars\":{\"anInt64\":1e17}}",
		   "scalars.anInt64: expected a 64-bit integer, found the number 1e+17");
}

Test(json, reads_numbers_from_strings_and_enums_from_numbers)
{
	const Everything__Scalars *scalars =
		parsed("{\"scalars\":{\"anInt32\":\"-7\",\"aFloat\":\"1.5e3\",\"aDouble\":2,\"colour\":10}}")->scalars;

	cr_expect_eq(scalars->an_int32, -7);
	cr_expect_eq(scalars->a_float, 1500);
	cr_expect_eq(scalars->a_double, 2);
	cr_expect_eq((int)scalars->colour, EVERYTHING__COLOUR__ULTRAVIOLET);
}

Test(json, reads_base64_of_either_alphabet_with_or_without_padding)
{
	static const char *const texts[] = { "+/8=", "-_8=", "+/8", "-_8" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *text = hm_arena_printf(&arena, "{\"aBlob\":\"%s\"}", texts[i]);
		const Everything__Everything *message = parsed(text);

		cr_assert_eq(message->a_blob.len, 2);
		cr_expect_eq(memcmp(message->a_blob.data, "\xfb\xff", 2), 0);
	}
	is_refused("{\"aBlob\":\"AAAAA\"}", "aBlob: expected a string of base64, found the string \"AAAAA\"");
	is_refused("{\"aBlob\":\"A=A=\"}", "aBlob: expected a string of base64, found the string \"A=A=\"");
	is_refused("{\"aBlob\":\"AA=\"}", "aBlob: expected a string of base64, found the string \"AA=\"");
}

Test(json, names_the_nearest_field_when_there_is_no_such_field)
{
	is_refused("{\"aWrod\":\"x\"}", "aWrod: no such field in everything.Everything; did you mean aWord?");
	is_refused("{\"children\":[{},{\"scalars\":{\"farAwy\":\"x\"}}]}",
		   "children[1].scalars.farAwy: no such field in everything.Scalars; did you mean farAway?");
	is_refused("{\"scalars\":{\"an_INT32\":1}}",
		   "scalars.an_INT32: no such field in everything.Scalars; did you mean anInt32?");
	is_refused("{\"zebra\":1}", "zebra: no such field in everything.Everything");
	is_refused("{\"scalars\":{\"colour\":\"GREN\"}}",
		   "scalars.colour: no value GREN in everything.Colour; did you mean GREEN?");
	cr_expect_str_eq(hm_error_get()->violations[0].field, "scalars.colour");
}

Test(json, says_what_it_expected_and_what_it_found)
{
	is_refused("{\"aNumber\":\"abc\"}", "aNumber: expected a 64-bit integer, found the string \"abc\"");
	is_refused("{\"aNumber\":\" 7\"}", "aNumber: expected a 64-bit integer, found the string \" 7\"");
	is_refused("{\"aWord\":7}", "aWord: expected a string, found the number 7");
	is_refused("{\"scalars\":[]}", "scalars: expected an object, found an array");
	is_refused("{\"lists\":{\"text\":\"x\"}}", "lists.text: expected an array, found the string \"x\"");
	is_refused("{\"lists\":{\"text\":[\"x\",null]}}", "lists.text[1]: expected a string, found null");
	is_refused("{\"scalars\":{\"aBool\":\"true\"}}",
		   "scalars.aBool: expected true or false, found the string \"true\"");
	is_refused("{\"scalars\":{\"aDouble\":\"0x10\"}}",
		   "scalars.aDouble: expected a number, found the string \"0x10\"");
	is_refused("{\"scalars\":{\"colour\":77}}",
		   "scalars.colour: expected the name of an enum value, found the number 77");
}

Test(json, refuses_numbers_out_of_range)
{
	is_refused("{\"scalars\":{\"anInt32\":2147483648}}",
		   "scalars.anInt32: expected a 32-bit integer, found the number 2147483648");
	is_refused("{\"scalars\":{\"aUint32\":-1}}",
		   "scalars.aUint32: expected an unsigned 32-bit integer, found the number -1");
	is_refused("{\"scalars\":{\"aUint64\":\"-1\"}}",
		   "scalars.aUint64: expected an unsigned 64-bit integer, found the string \"-1\"");
	is_refused("{\"scalars\":{\"anInt64\":\"9223372036854775808\"}}",
		   "scalars.anInt64: expected a 64-bit integer, found the string \"9223372036854775808\"");
	is_refused("{\"scalars\":{\"aFloat\":1e39}}",
		   "scalars.aFloat: expected a number, found the number 9.9999999999999994e+38");
}

Test(json, shows_no_more_than_the_beginning_of_a_value_and_cuts_between_characters)
{
	is_refused("{\"aNumber\":\"1234567890123456789012ö45678901234567890\"}",
		   "aNumber: expected a 64-bit integer, found the string \"1234567890123456789012ö\"...");
	is_refused("{\"aNumber\":\"12345678901234567890123ö45678901234567890\"}",
		   "aNumber: expected a 64-bit integer, found the string \"12345678901234567890123\"...");
}

Test(json, refuses_two_of_a_oneof_and_one_field_under_two_names)
{
	is_refused("{\"aWord\":\"x\",\"aNumber\":1}", "aNumber: only one of this and a_word can be given");
	is_refused("{\"wellKnown\":{},\"well_known\":{}}", "wellKnown: given twice, also as well_known");
}

Test(json, refuses_what_is_not_one_object_of_json)
{
	is_refused("", "everything.Everything: not JSON in line 1, column 0: '[' or '{' expected near end of file");
	is_refused("[]", "everything.Everything: expected a JSON object, found an array");
	is_refused("{\"aWord\":\"a\\u0000b\"}", "everything.Everything: not JSON in line 1, column 19: \\u0000 is not "
						"allowed without JSON_ALLOW_NUL near "
						"'\"a\\u0000b\"'");
	is_refused("{\"aWord\":\"x\",\"aWord\":\"y\"}",
		   "everything.Everything: not JSON in line 1, column 20: duplicate object key near '\"aWord\"'");
	is_refused("{\"aWord\":\"\xff\"}",
		   "everything.Everything: not JSON in line 1, column 10: unable to decode byte 0xff near '\"'");
}

Test(json, refuses_a_missing_required_field)
{
	is_refused("{\"demanding\":{\"name\":\"x\"}}",
		   "demanding.size: a required field is missing in everything.Demanding");
	is_refused("{\"demanding\":{\"name\":null,\"size\":1}}",
		   "demanding.name: a required field is missing in everything.Demanding");
	comes_back("{\"demanding\":{\"name\":\"\",\"size\":0}}");
}

Test(json, refuses_maps)
{
	ProtobufCMessage *message = NULL;

	cr_expect_eq(parse(&everything__mapped__descriptor, "{\"prices\":{\"a\":1}}", &message), HM_INVALID_ARGUMENT);
	cr_expect_str_eq(hm_error_get()->message, "prices: a map, which has no JSON form here");
}

/* Opens `levels` messages within each other. */
static char *nested(int levels)
{
	hm_buffer_reset(&buffer);
	for (int i = 1; i < levels; i++)
		hm_buffer_add_text(&buffer, "{\"inner\":");
	hm_buffer_add_text(&buffer, "{");
	for (int i = 0; i < levels; i++)
		hm_buffer_add_text(&buffer, "}");
	return hm_arena_dup(&arena, buffer.data, buffer.size);
}

Test(json, bounds_the_depth_of_messages_and_of_brackets)
{
	ProtobufCMessage *message = NULL;
	char *brackets = hm_arena_alloc(&arena, 100001);

	comes_back(nested(HM_MESSAGE_DEPTH_MAX));
	cr_expect_eq(parse(&everything__everything__descriptor, nested(HM_MESSAGE_DEPTH_MAX + 1), &message),
		     HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, "messages nested too deeply in everything.Everything"));
	memset(brackets, '[', 100000);
	brackets[100000] = '\0';
	is_refused(brackets, "everything.Everything: the JSON nests too deeply");
}

Test(json, times_take_any_offset_and_any_fraction_to_the_nanosecond)
{
	static const struct {
		const char *in, *out;
	} times[] = {
		{ "2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z" },
		{ "2026-11-22T10:00:00.1Z", "2026-11-22T10:00:00.100Z" },
		{ "1969-12-31T23:59:59.000001Z", "1969-12-31T23:59:59.000001Z" },
		{ "0999-02-28T00:00:00.123456789Z", "0999-02-28T00:00:00.123456789Z" },
	};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
		char text[HM_JSON_TIME_BYTES];

		cr_assert(hm_json_time_parse(times[i].in, &time), "%s", times[i].in);
		cr_assert(hm_json_time_format(&time, text), "%s", times[i].in);
		cr_expect_str_eq(text, times[i].out);
	}
}

Test(json, refuses_times_and_durations_that_are_none)
{
	static const char *const times[] = { "",
					     "2026-11-22",
					     "2026-02-30T10:00:00Z",
					     "2026-11-22T10:00:00",
					     "2026-11-22T10:00:00.Z",
					     "2026-11-22T10:00:00.1234567890Z",
					     "0001-01-01T00:00:00+01:00",
					     "9999-12-31T23:59:59-01:00" };
	static const char *const durations[] = {
		"", "s", "1", "1.s", ".5s", "+1s", "--1s", "1.1234567890s", "315576000001s", "1s "
	};
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		cr_expect_not(hm_json_time_parse(times[i], &time), "%s", times[i]);
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
		cr_expect_not(hm_json_duration_parse(durations[i], &duration), "%s", durations[i]);
	is_refused("{\"wellKnown\":{\"createdAt\":5}}",
		   "wellKnown.createdAt: expected an RFC 3339 time, as \"2026-11-22T10:00:00Z\", found the number 5");
}

Test(json, writes_a_time_beyond_the_calendar_as_it_is)
{
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	time.seconds = INT64_MAX;
	cr_expect_str_eq(written(&time), "{\"seconds\":\"9223372036854775807\"}");
}

Test(json, writes_an_enum_value_without_a_name_as_its_number)
{
	Everything__Scalars scalars = EVERYTHING__SCALARS__INIT;

	scalars.has_colour = 1;
	scalars.colour = (Everything__Colour)77;
	cr_expect_str_eq(written(&scalars), "{\"colour\":77}");
}

Test(json, writes_one_field_alone)
{
	const Everything__Everything *message = parsed("{\"lists\":{\"text\":[\"a\",\"b\"]},\"aNumber\":5}");
	static const struct {
		const char *name, *text;
	} fields[] = { { "lists", "{\"text\":[\"a\",\"b\"]}" },
		       { "a_number", "\"5\"" },
		       { "a_word", "null" },
		       { "children", "[]" } };

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		hm_buffer_reset(&buffer);
		hm_json_write_field(&buffer, &message->base,
				    hm_field_find(&everything__everything__descriptor, fields[i].name));
		cr_expect_str_eq(buffer.data, fields[i].text);
	}
}

Test(json, a_name_is_cut_where_it_would_not_fit)
{
	char name[8];

	hm_json_name("user_id", name, sizeof name);
	cr_expect_str_eq(name, "userId");
	hm_json_name("organisation_id", name, sizeof name);
	cr_expect_str_eq(name, "organis");
}
