/* Siege: the host, and what must hold. */
#include "tests/siege.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "echo/v1/echo.hm.h"

enum { PATIENCE_S = 30 };

static size_t count_fds(void)
{
	DIR *entries = opendir("/proc/self/fd");
	size_t count = 0;

	cr_assert(entries);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

static void add_note(struct siege *siege, const char *url)
{
	struct hm_context *ana = fixture_user(&siege->f, "loop", "ana");
	SCOPED(hm_channel) channel = NULL;
	Notes__Note *note;

	must(hm_channel_open_url(url, &channel));
	must(notes_add_note(channel, ana, &(Notes__AddNoteRequest){ NOTES_ADD_NOTE_REQUEST_BASE, .title = "good" },
			    &note));
	cr_assert_eq(fixture_audited(&siege->f, "notes", ana), 1);
}

struct siege siege_begin(void)
{
	static const struct hm_service *const services[] = { &notes_service, &echo_service, NULL };
	struct siege siege = { .f = fixture_serving_all(services, NULL) };
	struct hm_context *anonymous = fixture_anonymous(&siege.f, "loop");
	Notes__ListNotesReply *reply;

	must(hm_server_listen(hm_host_server(siege.f.host), "tcp://127.0.0.1:0", siege.urls[0]));
	snprintf(siege.urls[1], sizeof siege.urls[1], "ipc://%s/notes.sock", fixture_run_folder());
	for (size_t i = 0; i < 2; i++)
		add_note(&siege, siege.urls[i]);
	/* The first denied call opens the connection that its entry, and every later one, goes through. */
	refuses(UNAUTHENTICATED, notes_list_notes(siege.f.channel, anonymous,
						  &(Notes__ListNotesRequest){ NOTES_LIST_NOTES_REQUEST_BASE }, &reply));
	siege.fds = count_fds();
	return siege;
}

const char *siege_token(struct siege *siege)
{
	return fixture_user(&siege->f, "loop", "ana")->token;
}

static void wait_for_fds(struct siege *siege, const char *url)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)PATIENCE_S * HM_US_PER_S;
	size_t fds;

	while ((fds = count_fds()) > siege->fds && hm_clock_mono_us() < until_us)
		sched_yield();
	cr_assert_leq(fds, siege->fds, "%s: %zu file descriptors, %zu at the beginning", url, fds, siege->fds);
}

/* The attackers' connections may have taken every place until they are closed at the server's end too. */
void siege_holds(struct siege *siege, const char *url)
{
	wait_for_fds(siege, url);
	add_note(siege, url);
	wait_for_fds(siege, url);
}

static int64_t count_entries(struct siege *siege, const struct hm_id *request_id, const char *condition)
{
	char id[HM_ID_TEXT_BYTES], sql[300];

	hm_id_format(request_id, id);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM notes.audit_log WHERE request_id = '%s' %s", id, condition);
	return test_sql(siege->f.dsn, sql);
}

int64_t siege_entries(struct siege *siege, const struct hm_id *request_id)
{
	return count_entries(siege, request_id, "");
}

int64_t siege_outcomes(struct siege *siege, const struct hm_id *request_id, const char *outcome)
{
	char condition[80];

	snprintf(condition, sizeof condition, "AND details->>'outcome' = '%s'", outcome);
	return count_entries(siege, request_id, condition);
}

int64_t siege_rows(struct siege *siege)
{
	return test_sql(siege->f.dsn, "SELECT count(*) FROM notes.notes");
}

void siege_note(struct hm_buffer *ret_body, const char *title)
{
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = title };
	size_t bytes = notes__add_note_request__get_packed_size(&request);

	hm_buffer_reset(ret_body);
	notes__add_note_request__pack(&request, (uint8_t *)hm_buffer_reserve(ret_body, bytes));
	hm_buffer_advance(ret_body, bytes);
}
