/* Quota: "acme=200" or "acme=200/16", again for more brands. */
#include "quota.h"

#include <stdlib.h>
#include <string.h>

#include "client/context.h"
#include "server/quota.h"

/* A number and nothing else up to `end`. */
static bool read_part(const char *text, char end, unsigned long max, uint32_t *ret_number, const char **ret_rest)
{
	char *rest;
	unsigned long number = strtoul(text, &rest, 10);

	*ret_number = (uint32_t)number;
	*ret_rest = rest;
	return rest > text && *text != '-' && *text != '+' && *text != ' ' && (*rest == end || !*rest) && number <= max;
}

hm_status quota_read(char *text, struct options *options)
{
	struct hm_host_quota *quota = options->quotas, *end = options->quotas + LIST_MAX - 1;
	char *rate = strchr(text, '=');
	const char *rest = "";
	bool is_right = rate && rate > text && rate - text < HM_BRAND_BYTES;

	while (quota < end && quota->brand)
		quota++;
	if (quota == end)
		return hm_raise(INVALID_ARGUMENT, "--quota %s: at most %d are possible", text, LIST_MAX - 1);
	if (is_right)
		is_right = read_part(rate + 1, '/', HM_QUOTA_RATE_MAX, &quota->calls_per_s, &rest);
	if (is_right && *rest)
		is_right = read_part(rest + 1, '\0', UINT32_MAX, &quota->in_flight_max, &rest);
	if (!is_right)
		return hm_raise(INVALID_ARGUMENT, "--quota %s: write BRAND=RATE or BRAND=RATE/N, RATE at most %d", text,
				HM_QUOTA_RATE_MAX);
	*rate = '\0';
	quota->brand = text;
	return HM_OK;
}
