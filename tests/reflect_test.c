/*
 * Reflection: a program that knows none of a server's contracts lists, describes and calls what is there; and what it makes of a
 * contract at run time is what the compiler made of it.
 */
#include <string.h>

#include "echo/v1/echo.hm.h"
#include "host/services.h"
#include "server/reflection.h"
#include "tests/cli.h"
#include "tests/rpc_world.h"
#include "tests/services.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/schema.h"

/* ---- Contracts at run time ------------------------------------------------------------------------------------------ */

static void is_same_field(const char *message, const ProtobufCFieldDescriptor *is,
			  const ProtobufCFieldDescriptor *should)
{
	cr_expect_str_eq(is->name, should->name);
	cr_expect_eq(is->id, should->id, "%s.%s", message, should->name);
	cr_expect_eq(is->type, should->type, "%s.%s", message, should->name);
	cr_expect_eq(is->label, should->label, "%s.%s", message, should->name);
	cr_expect_eq(is->flags & PROTOBUF_C_FIELD_FLAG_PACKED, should->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
	if (is->type == PROTOBUF_C_TYPE_MESSAGE)
		cr_expect_str_eq(((const ProtobufCMessageDescriptor *)is->descriptor)->name,
				 ((const ProtobufCMessageDescriptor *)should->descriptor)->name);
	if (is->type == PROTOBUF_C_TYPE_ENUM)
		cr_expect_eq(((const ProtobufCEnumDescriptor *)is->descriptor)->n_values,
			     ((const ProtobufCEnumDescriptor *)should->descriptor)->n_values);
}

static void is_same_message(const ProtobufCMessageDescriptor *is, const ProtobufCMessageDescriptor *should)
{
	cr_assert(is, "%s is missing", should->name);
	cr_assert_eq(is->n_fields, should->n_fields, "%s", should->name);
	for (unsigned i = 0; i < is->n_fields; i++) {
		is_same_field(should->name, &is->fields[i], &should->fields[i]);
		cr_expect_eq(protobuf_c_message_descriptor_get_field_by_name(is, is->fields[i].name), &is->fields[i]);
		cr_expect_eq(protobuf_c_message_descriptor_get_field(is, is->fields[i].id), &is->fields[i]);
	}
}

static void check_contracts(const struct hm_service *const *services)
{
	for (; *services; services++) {
		const struct hm_service_table *table = (*services)->table;
		struct hm_arena arena = { 0 };
		struct hm_schema *schema;

		must(hm_schema_open(&arena, table->contract, table->contract_bytes, &schema));
		for (size_t i = 0; i < table->n_methods; i++) {
			const struct hm_method *method = &table->methods[i];

			is_same_message(hm_schema_find(schema, method->request->name), method->request);
			is_same_message(hm_schema_find(schema, method->reply->name), method->reply);
		}
		hm_arena_fini(&arena);
	}
}

Test(reflect, a_contract_at_run_time_is_what_was_compiled)
{
	check_contracts(test_services);
	check_contracts(hm_services);
}

/* Every kind of field, by way of JSON, gives the same bytes and the same JSON again. */
static void is_same_on_the_wire(const struct hm_schema *schema, const ProtobufCMessageDescriptor *compiled,
				const char *json)
{
	const ProtobufCMessageDescriptor *dynamic = hm_schema_find(schema, compiled->name);
	struct hm_buffer is = { 0 }, should = { 0 };
	ProtobufCMessage *made, *wanted, *read;
	struct hm_arena arena = { 0 };
	uint8_t bytes[4096], wanted_bytes[4096];
	size_t size;

	must(hm_json_parse(&arena, compiled, json, strlen(json), &wanted));
	must(hm_json_parse(&arena, dynamic, json, strlen(json), &made));
	cr_assert_lt(protobuf_c_message_get_packed_size(wanted), sizeof bytes);
	size = protobuf_c_message_pack(made, bytes);
	cr_assert_eq(size, protobuf_c_message_pack(wanted, wanted_bytes));
	cr_assert_eq(memcmp(bytes, wanted_bytes, size), 0);
	must(hm_message_unpack(&arena, dynamic, bytes, size, &read));
	hm_json_write(&is, read);
	hm_json_write(&should, wanted);
	cr_expect_str_eq(is.data, should.data);
	hm_buffer_fini(&is);
	hm_buffer_fini(&should);
	hm_arena_fini(&arena);
}

Test(reflect, messages_made_at_run_time_are_the_same_on_the_wire)
{
	const struct hm_service_table *table = echo_service.table;
	struct hm_arena arena = { 0 };
	struct hm_schema *schema;

	must(hm_schema_open(&arena, table->contract, table->contract_bytes, &schema));
	is_same_on_the_wire(schema, &echo__echo_message__descriptor, "{\"text\":\"gr\\u00fcn\",\"payload\":\"AAEC\"}");
	is_same_on_the_wire(schema, &echo__count_request__descriptor, "{\"count\":3,\"bytes\":0,\"code\":5}");
	is_same_on_the_wire(schema, &echo__gather_reply__descriptor, "{\"messages\":\"18446744073709551615\"}");
	is_same_on_the_wire(schema, &echo__sleep_reply__descriptor, "{}");
	hm_arena_fini(&arena);
}

/* Cut anywhere, or with any byte another, a contract is refused or is one; nothing else happens. */
Test(reflect, survives_contracts_that_are_damaged, .timeout = 60)
{
	const struct hm_service_table *table = echo_service.table;
	uint8_t *bytes = malloc(table->contract_bytes);
	struct hm_schema *schema;
	unsigned refused = 0;

	cr_assert(bytes);
	for (size_t i = 0; i < table->contract_bytes; i += 37) {
		struct hm_arena arena = { 0 };

		memcpy(bytes, table->contract, table->contract_bytes);
		refused += hm_schema_open(&arena, bytes, i, &schema) != HM_OK;
		bytes[i] ^= 0x55;
		refused += hm_schema_open(&arena, bytes, table->contract_bytes, &schema) != HM_OK;
		hm_arena_fini(&arena);
	}
	cr_expect_gt(refused, 100);
	free(bytes);
}

/* ---- A program without the contracts -------------------------------------------------------------------------------- */

static char url[128], connect_to[160];

static void serve_strangers(void)
{
	(void)fixture_serving_all(test_services, NULL);
	(void)cli_program();
	snprintf(url, sizeof url, "ipc://%s/echo.sock", fixture_run_folder());
	snprintf(connect_to, sizeof connect_to, "echo=%s", url);
}

Test(reflect, the_program_lists_what_it_was_not_built_with, .timeout = 60)
{
	struct child_result r;

	serve_strangers();
	r = hallmark("ls", url, NULL);
	ends(r, 0);
	shows(r.out.data, "echo.v1.Echo\n");
	shows(r.out.data, "notes.v1.Notes\n");
	shows(r.out.data, "  AddNote                  write  notes.write\n");
	r = hallmark("ls", "echo", "--connect", connect_to, "--json", NULL);
	ends(r, 0);
	cr_expect_eq(cli_lines(r.out.data), echo_service.table->n_methods);
	cr_expect_str_eq(cli_text(cli_json(r.out.data, 0), "method"), "echo.v1.Echo/Echo");
}

Test(reflect, the_program_describes_what_it_was_not_built_with, .timeout = 60)
{
	struct child_result r;

	serve_strangers();
	r = hallmark("describe", "echo.v1.Echo/Fail", "--connect", connect_to, NULL);
	ends(r, 0);
	shows(r.out.data, "Fail fails with the code and the message asked for.");
	shows(r.out.data, "request echo.v1.FailRequest\n    code                           int32");
	r = hallmark("describe", "echo.v1.Echo", "--connect", connect_to, NULL);
	ends(r, 0);
	shows(r.out.data, "a stream each way");
	r = hallmark("describe", "echo.v1.Echo/Never", "--connect", connect_to, NULL);
	ends(r, 1);
	shows(r.err.data, "there is no method echo.v1.Echo/Never there");
}

Test(reflect, the_program_calls_what_it_was_not_built_with, .timeout = 60)
{
	struct child_result r;

	serve_strangers();
	r = hallmark("call", "echo.v1.Echo/Echo", "{\"text\":\"from afar\"}", "--brand", "loop", "--connect",
		     connect_to, "--json", NULL);
	ends(r, 0);
	cr_expect_str_eq(r.out.data, "{\"text\":\"from afar\"}\n");
	r = hallmark("call", "echo.v1.Echo/Count", "{\"count\":3}", "--brand", "loop", "--connect", connect_to,
		     "--json", NULL);
	ends(r, 0);
	cr_expect_eq(cli_lines(r.out.data), 3);
	r = hallmark("call", "echo.v1.Echo/Fail", "{\"code\":5,\"message\":\"no such thing\"}", "--brand", "loop",
		     "--connect", connect_to, "--json", NULL);
	ends(r, 1);
	cr_expect_str_eq(cli_text(cli_json(r.out.data, 0), "code"), "NOT_FOUND");
	r = hallmark("call", "echo.v1.Echo/Echo", "{\"txt\":1}", "--brand", "loop", "--connect", connect_to, NULL);
	ends(r, 1);
	shows(r.err.data, "did you mean text?");
}

Test(reflect, a_server_can_be_told_to_keep_its_contracts_to_itself)
{
	const Reflection__ListServicesRequest request = { .base = PROTOBUF_C_MESSAGE_INIT(
								  &reflection__list_services_request__descriptor) };
	struct rpc_world world;
	ProtobufCMessage *reply;

	rpc_world_open_with(&world, "ipc", &(struct hm_server_config){ .hides_contracts = true });
	refuses(UNIMPLEMENTED,
		hm_channel_call(world.channel, world.context, &hm_reflection_methods[HM_REFLECTION_LIST_SERVICES],
				&request.base, &reply));
	rpc_world_close(&world);
}
