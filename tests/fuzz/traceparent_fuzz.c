/* Fuzz: traceparent headers. What is taken comes out again as it went in, but for a later version's additions. */
#include <stdlib.h>
#include <string.h>

#include "client/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_context context = { 0 };
	char again[HM_TRACEPARENT_BYTES], *text = strndup((const char *)data, size);

	if (hm_context_set_traceparent(&context, text) == HM_OK) {
		hm_context_traceparent(&context, again);
		if (strncmp(text + 2, again + 2, 51))
			abort();
	}
	free(text);
	return 0;
}
