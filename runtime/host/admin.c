/* Admin: one method; the server fills in what it knows itself. */
#include "host/admin.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hallmark/admin.hm.h"
#include "server/server_status.h"

enum { LIMIT = 100 };

struct hm_admin {
	struct admin_handlers handlers; /* first: what the service's handlers point at */
	struct hm_service service;
	int64_t started_us;
	const struct hm_guarded *services;
	size_t n_services;
};

/* ---- The process ---------------------------------------------------------------------------------------------------- */

static const char *write_hex(struct hm_arena *arena, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	char *text = hm_arena_zalloc(arena, 2 * count + 1);

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return text;
}

struct search {
	struct hm_arena *arena;
	const char *build;
};

/* A note is a header, a name and what it says, the latter two each filled up to four bytes. */
static void search_notes(const uint8_t *at, size_t left, struct search *search)
{
	ElfW(Nhdr) note;

	while (left >= sizeof note && !search->build) {
		size_t name, all;

		memcpy(&note, at, sizeof note);
		name = sizeof note + ((size_t)note.n_namesz + 3) / 4 * 4;
		all = name + ((size_t)note.n_descsz + 3) / 4 * 4;
		if (all > left)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(at + sizeof note, "GNU", 4))
			search->build = write_hex(search->arena, at + name, note.n_descsz);
		at += all;
		left -= all;
	}
}

/* The program itself comes first, and is enough. */
static int search_program(struct dl_phdr_info *info, size_t size, void *user)
{
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			search_notes((const uint8_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
				     info->dlpi_phdr[i].p_memsz, user);
	return 1;
}

static Admin__Process *make_process(const struct hm_admin *admin, struct hm_call *call)
{
	struct hm_arena *arena = hm_call_arena(call);
	struct search search = { .arena = arena };
	Admin__Process *process = hm_arena_alloc(arena, sizeof *process);

	(void)dl_iterate_phdr(search_program, &search);
	*process = (Admin__Process){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__process__descriptor),
		.program = program_invocation_short_name,
		.has_pid = true,
		.pid = (uint32_t)getpid(),
		.build = search.build,
		.has_protocol = true,
		.protocol = HM_PROTOCOL_VERSION,
		.has_uptime_ms = true,
		.uptime_ms = (uint64_t)(hm_clock_mono_us() - admin->started_us) / HM_US_PER_MS,
		.has_serving = true,
		.serving = hm_server_serves(call->server),
	};
	return process;
}

/* ---- Databases ------------------------------------------------------------------------------------------------------ */

static Admin__Database *make_database(struct hm_arena *arena, const struct hm_guarded *guarded, enum hm_role role)
{
	static const char *const names[HM_ROLE_COUNT] = { [HM_ROLE_APP] = "app", [HM_ROLE_SYSTEM] = "system" };
	Admin__Database *database = hm_arena_alloc(arena, sizeof *database);
	struct hm_pool_counts counts;

	hm_store_pool_stats(guarded->store, role, &counts);
	*database = (Admin__Database){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__database__descriptor),
		.service = guarded->service->table->short_name,
		.role = names[role],
		.has_used = true,
		.used = counts.used,
		.has_idle = true,
		.idle = counts.idle,
		.has_limit = true,
		.limit = counts.max,
		.has_waiting = true,
		.waiting = counts.waiting,
	};
	return database;
}

static void put_databases(const struct hm_admin *admin, struct hm_arena *arena, Admin__StatusReply *reply)
{
	reply->databases = hm_arena_alloc(arena, HM_ROLE_COUNT * admin->n_services * sizeof *reply->databases);
	for (size_t i = 0; i < admin->n_services; i++)
		for (int role = 0; role < HM_ROLE_COUNT && admin->services[i].store; role++)
			reply->databases[reply->n_databases++] = make_database(arena, &admin->services[i], role);
}

/* ---- The service ---------------------------------------------------------------------------------------------------- */

static hm_status tell_status(struct hm_call *call, const Admin__StatusRequest *request, Admin__StatusReply *reply)
{
	const struct hm_admin *admin = call->service->handlers;
	struct hm_arena *arena = hm_call_arena(call);

	reply->process = make_process(admin, call);
	hm_server_status(call->server, request->has_limit ? request->limit : LIMIT, arena, reply);
	put_databases(admin, arena, reply);
	return HM_OK;
}

hm_status hm_admin_open(struct hm_admin **ret_admin)
{
	struct hm_admin *admin = calloc(1, sizeof *admin);

	if (!admin)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for the admin service");
	admin->handlers.status = tell_status;
	admin->service = (struct hm_service){ .table = &admin_table, .handlers = &admin->handlers };
	admin->started_us = hm_clock_mono_us();
	*ret_admin = admin;
	return HM_OK;
}

const struct hm_service *hm_admin_service(const struct hm_admin *admin)
{
	return &admin->service;
}

void hm_admin_watch(struct hm_admin *admin, const struct hm_guarded *services, size_t n_services)
{
	admin->services = services;
	admin->n_services = n_services;
}

void hm_admin_close(struct hm_admin *admin)
{
	free(admin);
}
