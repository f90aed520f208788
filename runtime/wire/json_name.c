/* JSON names: lowerCamelCase of the proto name, as protoc makes them, and the nearest one to a name nobody knows. */
#include "wire/json_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/json.h"

enum { EXCERPT_BYTES = 48 };

void hm_json_name(const char *proto_name, char *ret_name, size_t size)
{
	bool upper = false;

	for (; *proto_name && size > 1; proto_name++) {
		char letter = *proto_name;

		if (letter == '_') {
			upper = true;
			continue;
		}
		if (upper && letter >= 'a' && letter <= 'z')
			letter = (char)(letter - 'a' + 'A');
		upper = false;
		*ret_name++ = letter;
		size--;
	}
	*ret_name = '\0';
}

/* A name as a stranger gave it, fit to be shown: short, and of visible ASCII. */
static void show(const char *name, char ret_text[EXCERPT_BYTES])
{
	size_t i;

	for (i = 0; name[i] && i < EXCERPT_BYTES - 1; i++)
		ret_text[i] = isgraph((unsigned char)name[i]) ? name[i] : '?';
	ret_text[i] = '\0';
}

/* The nearest of the candidates offered so far; what is over a third away is no suggestion. */
struct nearest {
	const char *wanted;
	size_t distance;
	char name[HM_JSON_NAME_BYTES], words[HM_JSON_NAME_BYTES + 32];
};

static void offer(struct nearest *nearest, const char *name)
{
	size_t distance = hm_text_distance(nearest->wanted, name);

	if (distance > strlen(name) / 3 + 1 || (nearest->name[0] && distance >= nearest->distance))
		return;
	nearest->distance = distance;
	snprintf(nearest->name, sizeof nearest->name, "%s", name);
	snprintf(nearest->words, sizeof nearest->words, "; did you mean %s?", nearest->name);
}

hm_status hm_json_unknown_field(const struct hm_path *outer, const ProtobufCMessageDescriptor *descriptor,
				const char *name)
{
	char shown[EXCERPT_BYTES], candidate[HM_JSON_NAME_BYTES];
	struct hm_path path = { .outer = outer, .name = shown, .index = -1, .is_verbatim = true };
	struct nearest nearest = { .wanted = name };

	show(name, shown);
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		hm_json_name(descriptor->fields[i].name, candidate, sizeof candidate);
		offer(&nearest, candidate);
	}
	return hm_path_raise(&path, "no such field in %s%s", descriptor->name, nearest.words);
}

hm_status hm_json_unknown_value(const struct hm_path *path, const ProtobufCEnumDescriptor *descriptor, const char *name)
{
	struct nearest nearest = { .wanted = name };
	char shown[EXCERPT_BYTES];

	show(name, shown);
	for (unsigned i = 0; i < descriptor->n_value_names; i++)
		offer(&nearest, descriptor->values_by_name[i].name);
	return hm_path_raise(path, "no value %s in %s%s", shown, descriptor->name, nearest.words);
}
