/* A list of endpoints under any bytes: what is taken has a URL that is allowed, a weight in its bounds, and comes once. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/resolver.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hm_endpoints endpoints;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	endpoints.count = 0;
	if (hm_file_parse("list", text, &endpoints) == HM_OK)
		for (size_t i = 0; i < endpoints.count; i++) {
			const struct hm_endpoint *endpoint = &endpoints.list[i];

			assert(hm_url_check(endpoint->url) == HM_OK);
			assert(endpoint->weight >= 1 && endpoint->weight <= HM_WEIGHT_MAX);
			for (size_t j = 0; j < i; j++)
				assert(strcmp(endpoints.list[j].url, endpoint->url) != 0);
		}
	free(text);
	return 0;
}
