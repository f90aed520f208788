/*
 * Faults: a client and a server in network namespaces of their own, and this program as the only line between them: it reads the IP
 * packets of one end's TUN device and writes them to the other's, late, or not at all. Needs root; nothing of it outlives its
 * processes, as the namespaces have no names.
 *
 *     [client: 10.77.0.2] ── tun ── line: delay, jitter, loss, cuts ── tun ── [server: 10.77.0.1]
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CALLS_MAX = 1 << 20, TO_SERVER = 0, TO_CLIENT = 1 };

#define FAULTS_SERVER "10.77.0.1"
#define FAULTS_CLIENT "10.77.0.2"

/* How the line is now. */
struct weather {
	const char *name;
	unsigned loss_permille, delay_ms, jitter_ms;
	bool is_cut[2]; /* by direction */
	unsigned ms; /* how long it stays so */
	unsigned least; /* calls that must end well until then, and after it has become calm again */
};

/* Shared by all processes. By call: how often its method ran, how often it ended, how often well. */
struct ledger {
	_Atomic uint32_t begun, ok, failed, surprises;
	_Atomic bool is_over, is_served;
	_Atomic uint8_t ran[CALLS_MAX], ended[CALLS_MAX], ended_well[CALLS_MAX];
	char surprise[256];
};

/* line.c. line_end makes a namespace for this process with its device, and returns that. line_pass passes packets for `ms`. */
int line_end(const char *own, const char *other);
void line_pass(const int ends[2], const struct weather *weather);

/* ends.c: in processes of their own; they return when the ledger says that it is over. */
int serve(struct ledger *ledger, const char *certificates);
int call(struct ledger *ledger, const char *certificates);
