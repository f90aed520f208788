/* The page on the protocol, runtime/wire/README.md: its examples as bytes, so that what is written there is what is tried. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PAGE_PACKET_BYTES = 1024 };

struct page_packet {
	uint8_t bytes[PAGE_PACKET_BYTES];
	size_t size;
};

/* page_example reads the hex lines between "```" and "```" that follow the heading. */
struct page_packet page_example(const char *heading);

/* page_hex writes the bytes into text, and returns that. */
const char *page_hex(const struct page_packet *packet, char text[3 * PAGE_PACKET_BYTES + 1]);
