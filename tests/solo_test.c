/*
 * SOLO: the worked example of runtime/wire/README.md, byte for byte, told to a real server by an ordinary nng REQ socket that
 * knows nothing of Hallmark. What is written there is read here, so the two cannot part.
 */
#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <string.h>

#include "tests/rpc_world.h"

enum { PACKET_BYTES = 1024, LINE_BYTES = 256, PATIENCE_MS = 10000 };

struct packet {
	uint8_t bytes[PACKET_BYTES];
	size_t size;
};

/* Two hex digits, a space, two hex digits … up to the first thing that is neither. */
static void add_hex(struct packet *packet, const char *text)
{
	unsigned byte;
	int length;

	while (sscanf(text, " %2x%n", &byte, &length) == 1 && (text[length] == ' ' || text[length] == '\n')) {
		cr_assert_lt(packet->size, sizeof packet->bytes);
		packet->bytes[packet->size++] = (uint8_t)byte;
		text += length;
		if (text[0] == ' ' && text[1] == ' ') /* what follows is the explanation */
			break;
	}
}

/* Reads the hex lines between "```" and "```" that follow the heading. */
static struct packet read_example(const char *heading)
{
	FILE *file = fopen("runtime/wire/README.md", "r");
	struct packet packet = { 0 };
	char line[LINE_BYTES];
	int fences = -1;

	cr_assert(file, "the tests run in the root of the repository");
	while (fgets(line, sizeof line, file) && fences < 2) {
		if (!strncmp(line, heading, strlen(heading)))
			fences = 0;
		else if (fences >= 0 && !strncmp(line, "```", 3))
			fences++;
		else if (fences == 1)
			add_hex(&packet, line);
	}
	fclose(file);
	cr_assert_gt(packet.size, 0, "no example under %s", heading);
	return packet;
}

static struct packet ask(const char *url, const struct packet *request)
{
	struct packet reply = { .size = sizeof reply.bytes };
	nng_socket socket;

	cr_assert(!nng_req0_open(&socket));
	cr_assert(!nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PATIENCE_MS));
	cr_assert(!nng_dial(socket, url, NULL, 0));
	cr_assert(!nng_send(socket, (void *)(uintptr_t)request->bytes, request->size, 0));
	cr_assert(!nng_recv(socket, reply.bytes, &reply.size, 0));
	nng_close(socket);
	return reply;
}

static const char *hex_of(const struct packet *packet, char text[3 * PACKET_BYTES + 1])
{
	text[0] = '\0';
	for (size_t i = 0; i < packet->size; i++)
		snprintf(text + 3 * i, 4, "%02x ", packet->bytes[i]);
	return text;
}

/* Within a process there are no bytes to speak of, so inproc is left out. */
static void check_example(const char *kind, const char *question, const char *answer)
{
	struct rpc_world world;
	struct packet request = read_example(question), wanted = read_example(answer), reply;
	char is[3 * PACKET_BYTES + 1], should[3 * PACKET_BYTES + 1];

	rpc_world_open(&world, kind);
	reply = ask(world.url, &request);
	cr_assert_str_eq(hex_of(&reply, is), hex_of(&wanted, should), "%s:\n%s instead of\n%s", answer, is, should);
	rpc_world_close(&world);
}

Test(solo, the_written_call_gets_the_written_reply)
{
	check_example("ipc", "### A call", "### Its reply");
	check_example("tcp", "### A call", "### Its reply");
}

Test(solo, the_written_failure_is_told_as_written)
{
	check_example("ipc", "### A call that fails", "### Its failure");
	check_example("tcp", "### A call that fails", "### Its failure");
}
