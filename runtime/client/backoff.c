/* Back-off: a table of curves, by scheme. */
#include "client/backoff.h"

#include <string.h>

#include "base/clock.h"

enum { FACTOR_TENTHS = 16 };

static const struct curve {
	const char *scheme;
	uint32_t first_ms, max_ms;
} curves[] = {
	{ "inproc:", 20, 2000 },
	{ "ipc:", 20, 2000 },
	{ "", 1000, 120000 }, /* the network; last: every URL begins so */
};

static const struct curve calls = { "", 100, 5000 };

static const struct curve *curve_of(const char *url)
{
	const struct curve *curve = curves;

	while (strncmp(url, curve->scheme, strlen(curve->scheme)) != 0)
		curve++;
	return curve;
}

static uint32_t ceiling_ms(const struct curve *curve, unsigned failures)
{
	uint32_t ceiling_ms = curve->first_ms;

	for (unsigned i = 1; i < failures && ceiling_ms < curve->max_ms; i++)
		ceiling_ms = ceiling_ms * FACTOR_TENTHS / 10;
	return ceiling_ms < curve->max_ms ? ceiling_ms : curve->max_ms;
}

static int64_t some_of(uint32_t ceiling_ms, uint32_t chance)
{
	return (int64_t)((uint64_t)ceiling_ms * HM_US_PER_MS * chance >> 32);
}

uint32_t hm_backoff_ceiling_ms(const char *url, unsigned failures)
{
	return ceiling_ms(curve_of(url), failures);
}

int64_t hm_backoff_us(const char *url, unsigned failures, uint32_t chance)
{
	return some_of(hm_backoff_ceiling_ms(url, failures), chance);
}

int64_t hm_backoff_call_us(unsigned attempts, uint32_t chance)
{
	return some_of(ceiling_ms(&calls, attempts), chance);
}
