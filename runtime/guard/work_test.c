/* Work: how handlers may end, on the notes service with handlers of the test's own. */
#include <string.h>

#include "base/log.h"
#include "guard/guard.h"
#include "tests/handled.h"

static hm_status fail_without_a_word(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	return HM_NOT_FOUND;
}

Test(work, a_status_that_nobody_raised_fails_the_call_all_the_same)
{
	struct fixture f = handled_serving(fail_without_a_word, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	refuses(NOT_FOUND, handled_run(&f, ana));
	cr_assert_eq(handled_count_notes(&f), 0);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE details->>'outcome' = 'NOT_FOUND'"),
		     1);
}

static hm_status keep_without_a_word(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	hm_call_keep(call);
	return HM_NOT_FOUND;
}

Test(work, nor_does_one_that_keeps_what_was_written)
{
	struct fixture f = handled_serving(keep_without_a_word, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	refuses(NOT_FOUND, handled_run(&f, ana));
	cr_assert_eq(handled_count_notes(&f), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE details->>'outcome' = 'NOT_FOUND'"),
		     1);
}

static hm_status conflict(void)
{
	(void)!hm_raise(ABORTED, "another transaction changed the same rows");
	hm_error_set_reason("SERIALIZATION");
	return HM_ABORTED;
}

static hm_status conflict_after_a_step(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	TRY(hm_step(call, "note.stepped"));
	return conflict();
}

Test(work, what_a_step_committed_is_not_done_again)
{
	struct fixture f = handled_serving(conflict_after_a_step, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	refuses(ABORTED, handled_run(&f, ana));
	cr_assert_eq(handled_count_notes(&f), 1);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 2, "the step's entry and the call's");
}

static hm_status conflict_once(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	static bool again;

	TRY(handled_insert(call, request, reply));
	if (again)
		return HM_OK;
	again = true;
	hm_audit_entity(call, "of the first try");
	return conflict();
}

Test(work, a_conflict_is_tried_again_from_the_start)
{
	struct fixture f = handled_serving(conflict_once, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	must(handled_run(&f, ana));
	cr_assert_eq(handled_count_notes(&f), 1);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
	cr_assert_eq(
		test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log JOIN notes.notes n ON entity_id = n.id::text"), 1,
		"nothing of the first try is left");
}

static hm_status fail_with_quotes(struct hm_call *, const Notes__AddNoteRequest *, Notes__Note *)
{
	(void)!hm_raise(UNAVAILABLE, "as another service said");
	hm_error_set_reason("A\",\"outcome\":\"OK\",\"b\":\"");
	return HM_UNAVAILABLE;
}

Test(work, a_reason_from_afar_cannot_write_the_entry)
{
	struct fixture f = handled_serving(fail_with_quotes, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	refuses(UNAVAILABLE, handled_run(&f, ana));
	cr_assert_eq(test_sql(f.dsn,
			      "SELECT count(*) FROM notes.audit_log WHERE details->>'outcome' = 'UNAVAILABLE' AND "
			      "details->>'reason' = 'A\",\"outcome\":\"OK\",\"b\":\"'"),
		     1);
}

static hm_status stay_in_doubt(struct hm_call *, const Notes__AddNoteRequest *, Notes__Note *)
{
	return hm_error_set(&(struct hm_error){ .code = HM_UNKNOWN, .message = "in doubt", .maybe_processed = true });
}

/* The entry may be in what was perhaps committed, and then cannot be written again. */
Test(work, a_call_in_doubt_is_not_said_to_be_refused)
{
	struct fixture f = handled_serving(stay_in_doubt, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	hm_log_set_level(HM_LOG_OFF); /* it would say so */
	test_sql(f.dsn, "ALTER TABLE notes.audit_log RENAME TO audit_log_away");
	refuses(UNKNOWN, handled_run(&f, ana));
	cr_assert(hm_error_get()->maybe_processed);
	test_sql(f.dsn, "ALTER TABLE notes.audit_log_away RENAME TO audit_log");
	refuses(UNKNOWN, handled_run(&f, ana));
	cr_assert(hm_error_get()->maybe_processed);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
}

/* A copy of the contract's methods, to be changed. */
static struct hm_method *copied_methods(void)
{
	static struct hm_method methods[32];

	cr_assert_leq(notes_table.n_methods, sizeof methods / sizeof *methods);
	memcpy(methods, notes_table.methods, notes_table.n_methods * sizeof *methods);
	return methods;
}

static struct hm_method *method_of(struct hm_method *methods, const char *name)
{
	return &methods[hm_method_find(&notes_table, name) - notes_table.methods];
}

Test(work, what_is_not_audited_touches_no_brands_data)
{
	struct hm_method *methods = copied_methods();
	struct fixture f;

	method_of(methods, "FailAfterWrite")->effect = HM_EFFECT_NONE;
	f = handled_serving(handled_insert, methods);
	refuses(INTERNAL, handled_run(&f, fixture_user(&f, "loop", "ana")));
	cr_assert_eq(handled_count_notes(&f), 0);
}

/* Opens a guard of notes whose GetNote is as the method and the query say. */
static hm_status open_guard(const struct hm_method *methods, const struct hm_query *get_note)
{
	SCOPED(hm_guard) guard = NULL;
	struct hm_service_table table = notes_table;
	const struct hm_query *queries[32];
	struct hm_query_table query_table = *notes_service.queries;
	struct hm_service service = notes_service;
	const struct hm_guarded guarded = { .service = &service };

	for (size_t i = 0; i < query_table.n_queries; i++)
		queries[i] = strcmp(query_table.queries[i]->name, "GetNote") ? query_table.queries[i] : get_note;
	query_table.queries = queries;
	table.methods = methods;
	service.table = &table;
	service.queries = &query_table;
	return hm_guard_open(&(struct hm_guard_config){ .services = &guarded, .n_services = 1 }, &guard);
}

Test(work, a_methods_query_reaches_no_further_than_its_contract)
{
	static const char *const callers[] = { "echo", NULL };
	struct hm_method *methods = copied_methods(), *get_note = method_of(methods, "GetNote");
	struct hm_query query = notes_sql_get_note;

	must(open_guard(methods, &query));
	query.is_system = true;
	refuses(FAILED_PRECONDITION, open_guard(methods, &query));
	get_note->callers = callers;
	must(open_guard(methods, &query));
	get_note->callers = NULL;
	get_note->only_brand = "system";
	must(open_guard(methods, &query));
	query.is_system = false;
	get_note->effect = HM_EFFECT_NONE;
	refuses(FAILED_PRECONDITION, open_guard(methods, &query));
}
