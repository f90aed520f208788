/*
 * SOLO: the worked example of runtime/wire/README.md, byte for byte, told to a real server by an ordinary nng REQ socket that
 * knows nothing of Hallmark. What is written there is read here, so the two cannot part.
 */
#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <string.h>

#include "tests/page.h"
#include "tests/rpc_world.h"

enum { PATIENCE_MS = 10000 };

static struct page_packet ask(const char *url, const struct page_packet *request)
{
	struct page_packet reply = { .size = sizeof reply.bytes };
	nng_socket socket;

	cr_assert(!nng_req0_open(&socket));
	cr_assert(!nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PATIENCE_MS));
	cr_assert(!nng_dial(socket, url, NULL, 0));
	cr_assert(!nng_send(socket, (void *)(uintptr_t)request->bytes, request->size, 0));
	cr_assert(!nng_recv(socket, reply.bytes, &reply.size, 0));
	nng_close(socket);
	return reply;
}

/* Within a process there are no bytes to speak of, so inproc is left out. */
static void check_example(const char *kind, const char *question, const char *answer)
{
	struct rpc_world world;
	struct page_packet request = page_example(question), wanted = page_example(answer), reply;
	char is[3 * PAGE_PACKET_BYTES + 1], should[3 * PAGE_PACKET_BYTES + 1];

	rpc_world_open(&world, kind);
	reply = ask(world.url, &request);
	cr_assert_str_eq(page_hex(&reply, is), page_hex(&wanted, should), "%s:\n%s instead of\n%s", answer, is, should);
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
