/* Method tables: looking rows up, and that what is generated says what the contracts say (tests/proto/). */
#include "rpc/method.h"

#include <criterion/criterion.h>
#include <string.h>

#include "echo/v1/echo.hm.h"
#include "notes/v1/notes.hm.h"

static const struct hm_service_table *const tables[] = { &echo_table, &notes_table };

static hm_status fail(struct hm_call *call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	cr_assert(!call && reply);
	return hm_error_set(&(struct hm_error){ .code = (hm_status)request->code, .message = "as told" });
}

static const struct hm_service service = ECHO_SERVICE(.fail = fail);

Test(method, ids_are_fnv_1a)
{
	/* The test vectors of the hash's authors. */
	cr_expect_eq(hm_method_id(""), UINT64_C(0xcbf29ce484222325));
	cr_expect_eq(hm_method_id("a"), UINT64_C(0xaf63dc4c8601ec8c));
	cr_expect_eq(hm_method_id("foobar"), UINT64_C(0x85944171f73967e8));
}

Test(method, every_row_has_the_id_of_its_name_and_no_two_the_same)
{
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < tables[t]->n_methods; i++) {
			const struct hm_method *method = &tables[t]->methods[i];

			cr_expect_eq(method->id, hm_method_id(method->name), "%s", method->name);
			for (size_t j = 0; j < i; j++)
				cr_expect_neq(method->id, tables[t]->methods[j].id, "%s", method->name);
		}
}

Test(method, is_found_by_its_full_name_and_by_its_bare_one)
{
	const struct hm_method *method = hm_method_find(&echo_table, "echo.v1.Echo/Sleep");

	cr_assert_not_null(method);
	cr_expect_str_eq(method->name, "echo.v1.Echo/Sleep");
	cr_expect_eq(hm_method_find(&echo_table, "Sleep"), method);
}

Test(method, is_not_found_by_a_piece_of_a_name)
{
	static const char *const names[] = {
		"", "Slee", "sleep", "Echo/Sleep", "notes.v1.Notes/GetNote", "echo.v1.Echo/"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_expect_null(hm_method_find(&echo_table, names[i]), "%s", names[i]);
}

Test(method, has_a_handler_only_where_the_author_wrote_one)
{
	const struct hm_service none = ECHO_SERVICE();

	cr_expect(hm_method_has_handler(&service, hm_method_find(&echo_table, "Fail")));
	cr_expect_not(hm_method_has_handler(&service, hm_method_find(&echo_table, "Sleep")));
	cr_expect_not(hm_method_has_handler(&none, hm_method_find(&echo_table, "Fail")));
	cr_expect_not(hm_method_has_handler(&(struct hm_service){ .table = &echo_table },
					    hm_method_find(&echo_table, "Fail")));
}

Test(method, thunk_calls_the_typed_handler)
{
	const struct hm_method *method = hm_method_find(&echo_table, "Fail");
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, HM_DATA_LOSS) };
	Echo__FailReply reply = { ECHO_FAIL_REPLY_BASE };

	cr_expect_eq(method->thunk(service.handlers, NULL, &request.base, &reply.base), HM_DATA_LOSS);
	cr_expect_str_eq(hm_error_get()->message, "as told");
}

Test(method, row_says_what_the_contract_says)
{
	const struct hm_method *echo = hm_method_find(&echo_table, "Echo");
	const struct hm_method *add = hm_method_find(&notes_table, "AddNote");

	cr_expect_eq(echo->effect, HM_EFFECT_NONE);
	cr_expect_eq(echo->idempotency, HM_NO_SIDE_EFFECTS);
	cr_expect(echo->is_public && echo->is_inline && !echo->secret_reply && !echo->permission && !echo->event);
	cr_expect_eq(echo->request_bytes, 1048576);
	cr_expect_eq(add->effect, HM_EFFECT_WRITE);
	cr_expect(!add->is_public && !add->is_inline && !add->callers);
	cr_expect_str_eq(add->permission, "notes.write");
	cr_expect_str_eq(add->event, "note.added");
	cr_expect_str_eq(add->entity, "note");
	cr_expect_str_eq(add->entity_id, "id");
	cr_expect_eq(add->deadline_ms, 5000);
	cr_expect_eq(add->request_bytes, 65536);
	cr_expect_str_eq(add->file, "tests/proto/notes/v1/notes.proto");
	cr_expect(hm_method_find(&notes_table, "SecretNote")->secret_reply);
}

Test(method, documented_errors_are_the_status_names_of_the_comment)
{
	const struct hm_method *whoami = hm_method_find(&echo_table, "Whoami");

	cr_expect_str_eq(whoami->documented_errors[0], "UNAUTHENTICATED");
	cr_expect_str_eq(whoami->documented_errors[1], "PERMISSION_DENIED");
	cr_expect_null(whoami->documented_errors[2]);
	cr_expect_null(hm_method_find(&echo_table, "Echo")->documented_errors[0]);
}

static const struct hm_field_rule *rule_of(const struct hm_message_rules *rules, const char *field)
{
	for (uint32_t i = 0; i < rules->n_fields; i++)
		if (!strcmp(rules->descriptor->fields[rules->fields[i].field].name, field))
			return &rules->fields[i];
	cr_assert_fail("no rule for %s", field);
	return NULL;
}

Test(method, rules_are_of_the_fields_the_contract_puts_them_on)
{
	const struct hm_method *add = hm_method_find(&notes_table, "AddNote");
	const struct hm_message_rules *rules = add->request_rules;

	cr_assert_eq(rules->descriptor, add->request);
	cr_expect_eq(rules->n_fields, 4);
	cr_expect_eq(rule_of(rules, "title")->max_length, 200);
	cr_expect(rule_of(rules, "title")->required && rule_of(rules, "title")->audited);
	cr_expect(rule_of(rules, "body")->phi && !rule_of(rules, "body")->required);
	cr_expect_eq(rule_of(rules, "amount")->min, -1000000);
	cr_expect_eq(rule_of(rules, "tags")->max_length, 10);
}

Test(method, rules_of_a_message_reach_those_that_hold_it)
{
	const struct hm_message_rules *reply = hm_method_find(&notes_table, "ListNotes")->reply_rules;
	const struct hm_message_rules *note = rule_of(reply, "notes")->message;

	cr_assert_eq(note, hm_method_find(&notes_table, "GetNote")->reply_rules);
	cr_expect(rule_of(note, "body")->phi);
}
