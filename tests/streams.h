/* Streams: what tests of streams share. */
#pragma once
#include <criterion/criterion.h>

#include "client/stream.h"
#include "tests/rpc_world.h"
#include "tests/services/echo/streams.h"

#define expect_status(code, expression)                                                              \
	do {                                                                                         \
		hm_status status_ = (expression);                                                    \
		cr_assert_eq(status_, HM_##code, "%s: %s: %s", #expression, hm_status_name(status_), \
			     hm_error_get()->message);                                               \
	} while (0)
#define well(expression) expect_status(OK, expression)

/* A payload of so many bytes, for a message. */
enum { ZEROS_MAX = 2 << 20 };
static uint8_t zeros[ZEROS_MAX];
#define ZEROS(size) .has_payload = true, .payload = { size, zeros }
