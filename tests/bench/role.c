/*
 * Role: the children's side of process.h. A server greets with its address and serves until its input ends. A load greets and
 * then measures as it is told:
 *
 *     parent                      load
 *     128 600              →      start 128, wait a little, count, wait 600 ms, count, stop
 *                          ←      912345.6 631000 631000        a second; started and answered, all of it
 */
#include "tests/bench/role.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/server.h"

enum { RAMP_PART = 6 }; /* this part of a round's time passes before its counting begins */

static const struct load *const loads[] = {
	&hallmark_load,      &hallmark_inproc_load, &hallmark_threads_load, &epoll_load,    &epoll_bytes_load,
	&epoll_inproc_load,  &epoll_threads_load,   &add_note_load,         &get_note_load, &open_note_load,
	&pgbench_write_load, &pgbench_read_load,    &suspend_load,
};

static const struct server *const servers[] = {
	&hallmark_server, &notes_server, &platform_server, &fed_notes_server, &epoll_server, &epoll_bytes_server,
};

void role_wait(void)
{
	char rest[64];

	while (read(STDIN_FILENO, rest, sizeof rest) > 0)
		;
}

void role_greet(const char *address)
{
	puts(address);
	fflush(stdout);
	role_wait();
}

static void pass_ms(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

static hm_status measure(const struct load *load, unsigned depth, unsigned ms, double *ret_rate)
{
	int64_t from_us, to_us;
	uint64_t before, after;

	if (load->measure)
		return load->measure(depth, ms, ret_rate);
	TRY(load->start(depth));
	pass_ms(ms / RAMP_PART);
	from_us = hm_clock_mono_us();
	before = load->count().answered;
	pass_ms(ms);
	to_us = hm_clock_mono_us();
	after = load->count().answered;
	*ret_rate = (double)(after - before) * HM_US_PER_S / (double)(to_us - from_us);
	return load->stop();
}

static hm_status obey(const struct load *load, const char *line)
{
	char *end;
	unsigned depth = (unsigned)strtoul(line, &end, 10), ms = (unsigned)strtoul(end, NULL, 10);
	struct tally before = { 0 }, after = { 0 };
	char answer[LINE_BYTES];
	double rate;

	if (load->answer) {
		TRY(load->answer(line, answer, sizeof answer));
		puts(answer);
		fflush(stdout);
		return HM_OK;
	}
	if (load->count)
		before = load->count();
	TRY(measure(load, depth, ms, &rate));
	if (load->count)
		after = load->count();
	printf("%.1f %" PRIu64 " %" PRIu64 "\n", rate, after.started - before.started,
	       after.answered - before.answered);
	fflush(stdout);
	return HM_OK;
}

static hm_status run_load(const struct load *load, const char *folder, const char *address)
{
	char line[LINE_BYTES];
	hm_status status;

	TRY(load->open(folder, address));
	puts("ready");
	fflush(stdout);
	status = HM_OK;
	while (status == HM_OK && fgets(line, sizeof line, stdin))
		status = obey(load, line);
	load->close();
	return status;
}

static hm_status run(const char *name, const char *folder, const char *address)
{
	for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
		if (!strcmp(loads[i]->role, name))
			return run_load(loads[i], folder, address);
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
		if (!strcmp(servers[i]->role, name))
			return servers[i]->run(folder, address);
	return hm_raise(INVALID_ARGUMENT, "there is no such role");
}

int role_run(const char *name, const char *folder, const char *address)
{
	hm_status status = run(name, folder, address);

	if (status == HM_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "hallmark-bench %s: %s: %s\n", name, hm_status_name(status), hm_error_get()->message);
	return EXIT_FAILURE;
}
