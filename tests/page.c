/* Examples of the page on the protocol: see the header. */
#include "tests/page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 256 };

/* Two hex digits, a space, two hex digits … up to the first thing that is neither. */
static void add_hex(struct page_packet *packet, const char *text)
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

struct page_packet page_example(const char *heading)
{
	FILE *file = fopen("runtime/wire/README.md", "r");
	struct page_packet packet = { 0 };
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

const char *page_hex(const struct page_packet *packet, char text[3 * PAGE_PACKET_BYTES + 1])
{
	text[0] = '\0';
	for (size_t i = 0; i < packet->size; i++)
		snprintf(text + 3 * i, 4, "%02x ", packet->bytes[i]);
	return text;
}
