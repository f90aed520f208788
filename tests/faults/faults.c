/* Faults: the weather of some twenty seconds, and what must hold after it. */
#include "tests/faults/faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESIDENT_KIB_MAX = 256 << 10, CALM_STEP_MS = 250, CALM_MS_MAX = 15000, CALM_CALLS = 500, ALARM_S = 100 };

static const struct weather weathers[] = {
	{ .name = "calm", .ms = 1500, .least = 200 },
	{ .name = "1 % lost", .loss_permille = 10, .delay_ms = 1, .ms = 2000, .least = 50 },
	{ .name = "50 ms and jitter", .delay_ms = 50, .jitter_ms = 30, .ms = 2500, .least = 50 },
	{ .name = "5 % lost, 20 ms and jitter",
	  .loss_permille = 50,
	  .delay_ms = 20,
	  .jitter_ms = 20,
	  .ms = 4000,
	  .least = 5 },
	{ .name = "partition", .is_cut = { true, true }, .ms = 3000 },
	{ .name = "the server is not heard", .is_cut = { [TO_CLIENT] = true }, .ms = 3000 },
	{ .name = "the client is not heard", .is_cut = { [TO_SERVER] = true }, .ms = 3000 },
};

static struct ledger *book;
static int ends[2]; /* by where their packets go */
static char certificates[64];
static pid_t server, client;
static bool has_failed;

static void check(bool holds, const char *what, unsigned long long number)
{
	if (holds)
		return;
	has_failed = true;
	fprintf(stderr, "faults: FAILED: %s: %llu\n", what, number);
}

static pid_t start(int (*work)(struct ledger *, const char *), const char *who)
{
	char folder[100];
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	snprintf(folder, sizeof folder, "%s/%s", certificates, who);
	_exit(work(book, folder));
}

static unsigned long resident_kib(pid_t pid)
{
	char path[40], line[128];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* Calm again: calls go on, as soon as TCP tries anew. */
static void calm_down(const struct weather *before)
{
	const struct weather calm = { .name = "calm", .ms = CALM_STEP_MS };
	uint32_t ok = atomic_load(&book->ok), passed_ms = 0;

	for (; atomic_load(&book->ok) - ok < CALM_CALLS && passed_ms < CALM_MS_MAX; passed_ms += CALM_STEP_MS)
		line_pass(ends, &calm);
	check(atomic_load(&book->ok) - ok >= CALM_CALLS, before->name, passed_ms);
	printf("  then calm: %u calls in %u ms\n", atomic_load(&book->ok) - ok, passed_ms);
}

static void pass_weather(const struct weather *weather)
{
	uint32_t ok = atomic_load(&book->ok), failed = atomic_load(&book->failed);

	line_pass(ends, weather);
	ok = atomic_load(&book->ok) - ok;
	printf("%s, %u ms: %u calls well, %u not\n", weather->name, weather->ms, ok,
	       atomic_load(&book->failed) - failed);
	check(ok >= weather->least, "too few calls ended well", ok);
	calm_down(weather);
}

static void check_ledger(void)
{
	uint32_t begun = atomic_load(&book->begun), not_once = 0, twice = 0, unfounded = 0;

	for (uint32_t i = 0; i < begun; i++) {
		not_once += atomic_load(&book->ended[i]) != 1;
		twice += atomic_load(&book->ran[i]) > 1;
		unfounded += atomic_load(&book->ended_well[i]) && !atomic_load(&book->ran[i]);
	}
	check(begun > 0, "no call was made", begun);
	check(!not_once, "calls that did not end exactly once", not_once);
	check(!twice, "calls that ran twice", twice);
	check(!unfounded, "calls that ended well and never ran", unfounded);
	check(!book->surprises, book->surprise, book->surprises);
	printf("%u calls: %u well, %u not; each ended once, none ran twice\n", begun, atomic_load(&book->ok),
	       atomic_load(&book->failed));
}

/* The line works until the last call has ended. */
static void end(void)
{
	const struct weather calm = { .ms = CALM_STEP_MS };
	int how_server = 1, how_client = 1;

	check(resident_kib(server) < RESIDENT_KIB_MAX, "KiB of memory, server", resident_kib(server));
	check(resident_kib(client) < RESIDENT_KIB_MAX, "KiB of memory, client", resident_kib(client));
	atomic_store(&book->is_over, true);
	while (waitpid(client, &how_client, WNOHANG) == 0)
		line_pass(ends, &calm);
	waitpid(server, &how_server, 0);
	check(!how_client && !how_server, "a process did not end well", (unsigned)(how_client | how_server));
}

static bool prepare(void)
{
	char command[200];

	snprintf(certificates, sizeof certificates, "/tmp/hallmark-faults-XXXXXX");
	if (!mkdtemp(certificates))
		return false;
	snprintf(command, sizeof command, "tools/make-certificates %s server client", certificates);
	return !system(command);
}

static void clean(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", certificates);
	if (system(command))
		fprintf(stderr, "faults: %s is left behind\n", certificates);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(ALARM_S);
	book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (book == MAP_FAILED || !prepare())
		return 1;
	ends[TO_CLIENT] = line_end(FAULTS_SERVER, FAULTS_CLIENT);
	server = ends[TO_CLIENT] < 0 ? -1 : start(serve, "server");
	ends[TO_SERVER] = server < 0 ? -1 : line_end(FAULTS_CLIENT, FAULTS_SERVER);
	if (ends[TO_SERVER] < 0) {
		clean();
		fprintf(stderr,
			"faults: NOT RUN: no network namespace with a TUN device: needs root and /dev/net/tun\n");
		return 0;
	}
	client = start(call, "client");
	for (size_t i = 0; i < sizeof weathers / sizeof *weathers; i++)
		pass_weather(&weathers[i]);
	end();
	check_ledger();
	clean();
	return has_failed;
}
