/* JSON names: lowerCamelCase of the proto name, as protoc makes them. */
#include "wire/json.h"

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
