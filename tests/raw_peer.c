/* Raw peer: sockets, nng's framing, packets by hand. */
#include "tests/raw_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, FIRST_CALL = 0x10000 };

static struct raw_peer connect_ipc(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct raw_peer peer = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .is_ipc = true };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	cr_assert_eq(connect(peer.fd, (struct sockaddr *)&address, sizeof address), 0, "%s: %s", path, strerror(errno));
	return peer;
}

static struct raw_peer connect_tcp(const char *url)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct raw_peer peer = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };

	address.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
	cr_assert_eq(connect(peer.fd, (struct sockaddr *)&address, sizeof address), 0, "%s: %s", url, strerror(errno));
	return peer;
}

struct raw_peer raw_connect(const char *url)
{
	return strncmp(url, "ipc://", 6) ? connect_tcp(url) : connect_ipc(url + 6);
}

void raw_close(struct raw_peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

bool raw_write(struct raw_peer *peer, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t sent = send(peer->fd, at, size, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		at += sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool read_all(struct raw_peer *peer, void *ret_bytes, size_t size)
{
	char *at = ret_bytes;

	while (size) {
		struct pollfd ready = { .fd = peer->fd, .events = POLLIN };
		ssize_t got;

		cr_assert_eq(poll(&ready, 1, PATIENCE_MS), 1, "the server neither answers nor closes");
		got = recv(peer->fd, at, size, 0);
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}

struct raw_peer raw_greet(const char *url)
{
	static const uint8_t request[8] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
	struct raw_peer peer = raw_connect(url);
	uint8_t reply[8];

	cr_assert(raw_write(&peer, request, sizeof request));
	cr_assert(read_all(&peer, reply, sizeof reply));
	cr_assert_eq(reply[5], 0x31);
	return peer;
}

bool raw_send(struct raw_peer *peer, const struct hm_buffer *packet)
{
	const uint32_t request_id = htobe32(0x80000001);
	const uint64_t length = htobe64(packet->size + sizeof request_id);
	uint8_t head[1 + sizeof length + sizeof request_id] = { 1 };

	memcpy(head + 1, &length, sizeof length);
	memcpy(head + 1 + sizeof length, &request_id, sizeof request_id);
	return raw_write(peer, peer->is_ipc ? head : head + 1, peer->is_ipc ? sizeof head : sizeof head - 1) &&
	       raw_write(peer, packet->data, packet->size);
}

bool raw_receive(struct raw_peer *peer, struct hm_buffer *ret_packet)
{
	uint8_t kind, skipped[4];
	uint64_t length;

	hm_buffer_reset(ret_packet);
	if ((peer->is_ipc && !read_all(peer, &kind, 1)) || !read_all(peer, &length, sizeof length) ||
	    !read_all(peer, skipped, sizeof skipped))
		return false;
	length = be64toh(length) - sizeof skipped;
	if (!read_all(peer, hm_buffer_reserve(ret_packet, length), length))
		return false;
	hm_buffer_advance(ret_packet, length);
	return true;
}

bool raw_is_closed(struct raw_peer *peer)
{
	struct pollfd ready = { .fd = peer->fd, .events = POLLIN };
	char passed[4096];

	while (poll(&ready, 1, PATIENCE_MS) == 1)
		if (recv(peer->fd, passed, sizeof passed, 0) <= 0)
			return true;
	return false;
}

void raw_begin(struct hm_buffer *packet, uint8_t flags)
{
	const struct hm_packet_head head = { HM_PACKET_MAGIC, HM_PROTOCOL_VERSION, flags, 0, 0 };

	hm_buffer_reset(packet);
	hm_packet_head_encode(&head, (uint8_t *)hm_buffer_reserve(packet, HM_PACKET_HEAD_BYTES));
	hm_buffer_advance(packet, HM_PACKET_HEAD_BYTES);
}

void raw_frame(struct hm_buffer *packet, enum hm_frame_type type, uint32_t call, const void *body, size_t body_bytes)
{
	const struct hm_frame frame = { .body_bytes = (uint32_t)body_bytes, .call = call, .type = type };

	hm_frame_encode(&frame, (uint8_t *)hm_buffer_reserve(packet, HM_FRAME_HEAD_BYTES));
	hm_buffer_advance(packet, HM_FRAME_HEAD_BYTES);
	if (body_bytes)
		hm_buffer_add(packet, body, body_bytes);
}

void raw_hello(struct hm_buffer *packet)
{
	const struct hm_hello hello = { 1, 1, 8 << 20, 1024, 16, 0, { 1 }, "raw", 0, 0 };
	uint8_t body[HM_HELLO_BYTES];

	hm_hello_encode(&hello, body);
	raw_frame(packet, HM_FRAME_HELLO, 0, body, sizeof body);
}

void raw_bind(struct hm_buffer *packet, uint32_t slot, const char *brand, const char *token)
{
	struct hm_buffer body = { 0 };
	const uint8_t brand_bytes = (uint8_t)strlen(brand);

	hm_buffer_add(&body, &brand_bytes, 1);
	hm_buffer_add_text(&body, brand);
	hm_buffer_add_text(&body, token);
	raw_frame(packet, HM_FRAME_BIND, slot, body.data, body.size);
	hm_buffer_fini(&body);
}

void raw_call(struct hm_buffer *packet, const struct raw_call *call)
{
	struct hm_call_head head = { .method = call->method ? call->method->id : call->method_id,
				     .request_id = call->request_id,
				     .timeout_ms = call->timeout_ms,
				     .slot = call->slot };
	struct hm_buffer body = { 0 };

	if (call->key) {
		head.idempotency_key = call->key;
		head.idempotency_key_bytes = (uint16_t)strlen(call->key);
	}
	hm_call_head_encode(&head, (uint8_t *)hm_buffer_reserve(&body, hm_call_head_bytes(&head)));
	hm_buffer_advance(&body, hm_call_head_bytes(&head));
	if (call->body_bytes)
		hm_buffer_add(&body, call->body, call->body_bytes);
	raw_frame(packet, HM_FRAME_CALL, call->call ? call->call : FIRST_CALL, body.data, body.size);
	hm_buffer_fini(&body);
}

/* The status of a packet's REPLY to a call; -1: there is none. */
static int find_reply(const struct hm_buffer *packet, uint32_t call)
{
	size_t at = HM_PACKET_HEAD_BYTES;

	while (at + HM_FRAME_HEAD_BYTES <= packet->size) {
		struct hm_frame frame = hm_frame_decode((const uint8_t *)packet->data + at);

		if (frame.type == HM_FRAME_REPLY && frame.call == call)
			return frame.status;
		at += HM_FRAME_HEAD_BYTES + frame.body_bytes;
	}
	return -1;
}

int raw_answer(struct raw_peer *peer, uint32_t call)
{
	struct hm_buffer packet = { 0 };
	int status = -1;

	while (status < 0 && raw_receive(peer, &packet))
		status = find_reply(&packet, call ? call : FIRST_CALL);
	hm_buffer_fini(&packet);
	return status;
}
