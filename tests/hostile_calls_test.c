/*
 * Hostile calls: packets that keep the protocol and carry what no client of ours would. Each recognised call is answered with a
 * status that says what was wrong, and leaves exactly one audit entry.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/token.h"
#include "echo/v1/echo.hm.h"
#include "guard/lease.h"
#include "tests/siege.h"

/* The text of a request's field, with its size: NULs count. */
#define BYTES(text) text, sizeof(text) - 1

static const struct hm_method *add_note(void)
{
	return hm_method_find(&notes_table, "AddNote");
}

/* Makes one call of a token on a connection of its own; -1: the server closed without an answer. */
static int call(const char *url, const char *brand, const char *token, const struct raw_call *call)
{
	struct raw_peer peer = raw_greet(url);
	struct hm_buffer packet = { 0 };
	int status;

	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, brand, token);
	raw_call(&packet, call);
	cr_assert(raw_send(&peer, &packet));
	status = raw_answer(&peer, 0);
	raw_close(&peer);
	hm_buffer_fini(&packet);
	return status;
}

/* Makes a call of brand loop's ana with a body, and expects its status and its one entry. */
static void is_answered(struct siege *siege, const char *url, const void *body, size_t body_bytes, hm_status wanted)
{
	const struct raw_call raw = {
		.method = add_note(), .request_id = hm_id_new(), .body = body, .body_bytes = body_bytes
	};
	int status = call(url, "loop", siege_token(siege), &raw);

	cr_assert_eq(status, (int)wanted, "%s: %s instead of %s", url, hm_status_name(status), hm_status_name(wanted));
	cr_assert_eq(siege_entries(siege, &raw.request_id), 1);
	cr_assert_eq(siege_outcomes(siege, &raw.request_id, hm_status_name(wanted)), 1);
}

Test(hostile, a_body_that_is_no_message_is_refused_in_words, .timeout = 120)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bodies[] = {
		{ BYTES("\x0a\x05"
			"ab") }, /* cut off */
		{ BYTES("\x0a\x02\xff\xfe") }, /* no UTF-8 */
		{ BYTES("\x0a\x02\xc0\x80") }, /* an overlong NUL */
		{ BYTES("\x0a\x04"
			"a\0bc") }, /* a NUL */
		{ BYTES("\x0a\x01"
			"a\x2a\x05"
			"loop\0") }, /* a NUL behind the brand */
		{ BYTES("\x08\x01") }, /* a number for a text */
		{ BYTES("\x0a\xff\xff\xff\xff\x0f") }, /* 4 GiB of text */
		{ BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") }, /* a length of eleven bytes */
		{ BYTES("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") }, /* a number of eleven bytes */
		{ BYTES("\x0b\x0b\x0b\x0b\x0b\x0b\x0c\x0c\x0c\x0c\x0c\x0c") }, /* groups */
		{ BYTES("\x07") }, /* no such wire type */
		{ BYTES("\x00\x01") }, /* field 0 */
	};
	struct siege siege = siege_begin();
	int64_t rows = siege_rows(&siege);

	for (size_t way = 0; way < 2; way++) {
		for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
			is_answered(&siege, siege.urls[way], bodies[i].bytes, bodies[i].size, HM_INVALID_ARGUMENT);
		is_answered(&siege, siege.urls[way], NULL, 0, HM_INVALID_ARGUMENT); /* no title */
		cr_assert_eq(siege_rows(&siege), rows);
		siege_holds(&siege, siege.urls[way]);
		rows++;
	}
}

Test(hostile, another_brands_id_in_a_request_is_refused)
{
	struct siege siege = siege_begin();

	is_answered(&siege, siege.urls[0],
		    BYTES("\x0a\x01"
			  "a\x2a\x04"
			  "nova"),
		    HM_PERMISSION_DENIED);
	is_answered(&siege, siege.urls[0],
		    BYTES("\x0a\x01"
			  "a\x2a\x04"
			  "nova\x2a\x04"
			  "loop"),
		    HM_OK);
	cr_assert_eq(test_sql(siege.f.dsn, "SELECT count(*) FROM notes.notes WHERE brand_id <> 'loop'"), 0);
}

Test(hostile, a_body_over_the_methods_limit_is_refused, .timeout = 120)
{
	static uint8_t body[(64 << 10) + 1];
	struct siege siege = siege_begin();

	memset(body, 0x0a, sizeof body);
	for (size_t way = 0; way < 2; way++) {
		is_answered(&siege, siege.urls[way], body, sizeof body, HM_RESOURCE_EXHAUSTED);
		is_answered(&siege, siege.urls[way], body, sizeof body - 1, HM_INVALID_ARGUMENT);
		siege_holds(&siege, siege.urls[way]);
	}
}

Test(hostile, a_method_nobody_serves_is_unimplemented_and_no_call)
{
	static const uint64_t ids[] = { 0, 1, UINT64_MAX };
	struct siege siege = siege_begin();

	for (size_t i = 0; i < 3; i++) {
		const struct raw_call raw = { .method_id = ids[i], .request_id = hm_id_new() };

		cr_assert_eq(call(siege.urls[0], "loop", siege_token(&siege), &raw), HM_UNIMPLEMENTED);
		cr_assert_eq(siege_entries(&siege, &raw.request_id), 0);
	}
	siege_holds(&siege, siege.urls[0]);
}

Test(hostile, a_slot_nothing_was_bound_to_is_nobodys)
{
	struct siege siege = siege_begin();
	struct raw_call raw = { .method = add_note(), .request_id = hm_id_new(), .slot = 7 };

	cr_assert_eq(call(siege.urls[0], "loop", siege_token(&siege), &raw), HM_UNAUTHENTICATED);
	cr_assert_eq(siege_outcomes(&siege, &raw.request_id, "UNAUTHENTICATED"), 1);
	cr_assert_eq(siege_entries(&siege, &raw.request_id), 1);
	raw.slot = 64;
	cr_assert_eq(call(siege.urls[0], "loop", siege_token(&siege), &raw), -1);
	siege_holds(&siege, siege.urls[0]);
}

/* A token of the key and claims given, in the arena of a context that lives as long as the test. */
static const char *sign(struct siege *siege, const char *key_name, const char *brand, int64_t issued_s,
			int64_t expires_s)
{
	static const char *const everything[] = { "*", NULL };
	SCOPED(hm_secret_key) key = NULL;
	struct hm_context *keeper = fixture_anonymous(&siege->f, NULL);
	int64_t now_us = hm_clock_wall_us();
	char *token;

	must(hm_secret_key_open(test_keys_folder(), key_name, &key));
	must(hm_token_sign(key,
			   &(struct hm_claims){ .subject = "ana",
						.type = "user",
						.brand = brand,
						.id = "j",
						.permissions = everything,
						.issued_at_us = now_us + issued_s * HM_US_PER_S,
						.expires_at_us = now_us + expires_s * HM_US_PER_S },
			   &keeper->arena, &token));
	return token;
}

static char *altered(struct siege *siege, const char *token, size_t at, char to)
{
	struct hm_context *keeper = fixture_anonymous(&siege->f, NULL);
	char *copy = hm_arena_strdup(&keeper->arena, token);

	copy[at] = to;
	return copy;
}

Test(hostile, no_token_but_a_good_one_is_believed, .timeout = 120)
{
	struct siege siege = siege_begin();
	const char *good = siege_token(&siege);
	size_t length = strlen(good);
	const struct {
		const char *what, *token;
		hm_status wanted;
	} cases[] = {
		{ "none", "", HM_UNAUTHENTICATED },
		{ "junk", "v4.public.", HM_UNAUTHENTICATED },
		{ "a space", " ", HM_UNAUTHENTICATED },
		{ "another purpose", altered(&siege, good, 3, 'l'), HM_UNAUTHENTICATED },
		{ "half", altered(&siege, good, length / 2, '\0'), HM_UNAUTHENTICATED },
		{ "without its last letter", altered(&siege, good, length - 1, '\0'), HM_UNAUTHENTICATED },
		{ "one claim altered", altered(&siege, good, 30, good[30] == 'A' ? 'B' : 'A'), HM_UNAUTHENTICATED },
		{ "expired", sign(&siege, "identity", "loop", -7200, -3600), HM_UNAUTHENTICATED },
		{ "of tomorrow", sign(&siege, "identity", "loop", 86400, 90000), HM_UNAUTHENTICATED },
		{ "of another brand", sign(&siege, "identity", "nova", 0, 3600), HM_PERMISSION_DENIED },
		{ "revoked", sign(&siege, "identity", "loop", -10, 3600), HM_UNAUTHENTICATED },
		{ "good", good, HM_INVALID_ARGUMENT },
	};

	hm_lease_put_revocation(hm_host_lease(siege.f.host), "loop", "j", hm_clock_wall_us() - HM_US_PER_S,
				hm_clock_wall_us() + 3600LL * HM_US_PER_S);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct raw_call raw = { .method = add_note(), .request_id = hm_id_new() };
		int status = call(siege.urls[i % 2], "loop", cases[i].token, &raw);

		cr_assert_eq(status, (int)cases[i].wanted, "%s: %s", cases[i].what, hm_status_name(status));
		cr_assert_eq(siege_entries(&siege, &raw.request_id), 1, "%s", cases[i].what);
	}
	cr_assert_eq(
		test_sql(siege.f.dsn, "SELECT count(*) FROM notes.audit_log WHERE details::text LIKE '%v4.public%'"),
		0);
	siege_holds(&siege, siege.urls[0]);
}

/* Nobody but identity signs for users, whatever the key says of itself. */
Test(hostile, a_key_signs_what_is_its_own_alone)
{
	static const char *const nothing[] = { "*", NULL };
	struct siege siege = siege_begin();
	SCOPED(hm_secret_key) key = NULL;
	struct hm_context *keeper = fixture_anonymous(&siege.f, NULL);
	char *token;

	must(hm_secret_key_open(test_keys_folder(), "service-notes", &key));
	refuses(INVALID_ARGUMENT, hm_token_sign(key,
						&(struct hm_claims){ .subject = "ana",
								     .type = "user",
								     .brand = "loop",
								     .id = "j",
								     .permissions = nothing,
								     .issued_at_us = hm_clock_wall_us(),
								     .expires_at_us = hm_clock_wall_us() + 1000000000 },
						&keeper->arena, &token));
}

/* Nothing of the table can be had until the test lets go of it, so the call's time is up for sure. */
Test(hostile, a_call_whose_time_is_up_ends_with_one_entry, .timeout = 120)
{
	static const uint32_t timeouts_ms[] = { 1, 30, 300 };
	struct siege siege = siege_begin();
	struct hm_buffer body = { 0 };
	int64_t rows = siege_rows(&siege);

	siege_note(&body, "late");
	test_sql(siege.f.dsn,
		 "ALTER TABLE notes.notes RENAME TO slow;"
		 "CREATE VIEW notes.notes WITH (security_invoker = true) AS SELECT * FROM notes.slow;"
		 "GRANT ALL ON notes.notes TO notes_app;"
		 "CREATE FUNCTION notes.wait() RETURNS trigger LANGUAGE plpgsql AS $$"
		 "BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;"
		 "CREATE TRIGGER wait BEFORE INSERT ON notes.slow FOR EACH ROW EXECUTE FUNCTION notes.wait();"
		 "GRANT EXECUTE ON FUNCTION notes.wait() TO PUBLIC");
	for (size_t i = 0; i < 3; i++) {
		const struct raw_call raw = { .method = add_note(),
					      .request_id = hm_id_new(),
					      .timeout_ms = timeouts_ms[i],
					      .body = body.data,
					      .body_bytes = body.size };

		cr_assert_eq(call(siege.urls[0], "loop", siege_token(&siege), &raw), HM_DEADLINE_EXCEEDED);
		cr_assert_eq(siege_entries(&siege, &raw.request_id), 1);
		cr_assert_eq(siege_outcomes(&siege, &raw.request_id, "DEADLINE_EXCEEDED"), 1);
	}
	test_sql(siege.f.dsn,
		 "DROP VIEW notes.notes; DROP TRIGGER wait ON notes.slow; ALTER TABLE notes.slow RENAME TO notes");
	cr_assert_eq(siege_rows(&siege), rows);
	is_answered(&siege, siege.urls[0], body.data, body.size, HM_OK);
	hm_buffer_fini(&body);
}

Test(hostile, metadata_that_lies_ends_the_connection)
{
	static const struct {
		const char *bytes;
		size_t size;
	} metadata[] = {
		{ BYTES("\1") },
		{ BYTES("\1\xff\xff"
			"abc") },
		{ BYTES("\1\0\0") },
		{ BYTES("\1\3\0"
			"a\0b") },
		{ BYTES("\1\1\0"
			"a\1\1\0"
			"b") },
	};
	struct siege siege = siege_begin();
	struct hm_buffer packet = { 0 };

	for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++) {
		struct raw_peer peer = raw_greet(siege.urls[i % 2]);

		raw_begin(&packet, 0);
		raw_hello(&packet);
		raw_call(&packet, &(struct raw_call){ .method = add_note(),
						      .body = metadata[i].bytes,
						      .body_bytes = metadata[i].size });
		hm_put16((uint8_t *)packet.data + packet.size - metadata[i].size - 2, (uint16_t)metadata[i].size);
		cr_assert(raw_send(&peer, &packet));
		cr_assert_eq(raw_answer(&peer, 0), -1, "metadata %zu", i);
		raw_close(&peer);
	}
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[0]);
}

/* A whole conversation in one packet; `binds` BINDs of the slot and `calls` CALLs. */
static void write_solo(struct siege *siege, struct hm_buffer *packet, int binds, uint32_t slot, int calls,
		       struct hm_id request_id)
{
	struct hm_buffer body = { 0 };

	siege_note(&body, "solo");
	raw_begin(packet, HM_PACKET_SOLO);
	for (int i = 0; i < binds; i++)
		raw_bind(packet, slot, "loop", siege_token(siege));
	for (int i = 0; i < calls; i++)
		raw_call(packet, &(struct raw_call){ .method = add_note(),
						     .request_id = request_id,
						     .body = body.data,
						     .body_bytes = body.size });
	hm_buffer_fini(&body);
}

Test(hostile, a_solo_packet_is_one_call_and_no_more, .timeout = 120)
{
	static const struct {
		int binds, calls;
		uint32_t slot;
		int wanted;
	} packets[] = {
		{ 1, 1, 0, HM_OK }, { 0, 1, 0, HM_UNAUTHENTICATED }, { 1, 0, 0, -1 }, { 2, 1, 0, -1 }, { 1, 1, 1, -1 },
		{ 0, 0, 0, -1 },
	};
	struct siege siege = siege_begin();
	struct hm_buffer packet = { 0 };

	for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
		struct hm_id request_id = hm_id_new();
		struct raw_peer peer = raw_greet(siege.urls[i % 2]);

		write_solo(&siege, &packet, packets[i].binds, packets[i].slot, packets[i].calls, request_id);
		cr_assert(raw_send(&peer, &packet));
		cr_assert_eq(raw_answer(&peer, 0), packets[i].wanted, "SOLO %zu", i);
		cr_assert_eq(siege_entries(&siege, &request_id), packets[i].wanted < 0 ? 0 : 1);
		raw_close(&peer);
	}
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[0]);
}

/* Behind a forwarder many clients share one connection: what one of them proved must not serve the next. */
Test(hostile, a_solo_packets_proof_is_for_that_packet_alone, .timeout = 120)
{
	struct siege siege = siege_begin();
	struct raw_peer peer = raw_greet(siege.urls[0]);
	struct hm_id first = hm_id_new(), second = hm_id_new();
	struct hm_buffer packet = { 0 };

	write_solo(&siege, &packet, 1, 0, 1, first);
	cr_assert(raw_send(&peer, &packet));
	cr_assert_eq(raw_answer(&peer, 0), HM_OK);
	write_solo(&siege, &packet, 0, 0, 1, second);
	cr_assert(raw_send(&peer, &packet));
	cr_assert_eq(raw_answer(&peer, 0), HM_UNAUTHENTICATED);
	cr_assert_eq(siege_entries(&siege, &second), 1);
	raw_close(&peer);
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[0]);
}
