/* Failure: an error as hallmark.Status on the wire, and back. (client's and server's own header) */
#pragma once
#include "base/arena.h"
#include "base/status.h"
#include "hallmark/status.pb-c.h"

struct hm_failure {
	Hallmark__Status status;
	Hallmark__Violation violations[HM_VIOLATIONS_MAX];
	Hallmark__Violation *pointers[HM_VIOLATIONS_MAX];
};

/* hm_failure_init makes the message for a call that ended with code, described by *error. It points into *error. Where in the
 * server's source the error began stays in the server. */
void hm_failure_init(struct hm_failure *failure, hm_status code, const struct hm_error *error);

/* hm_failure_read reads a failed call's reply; code is as the peer sent it. True: the server says that the call was not processed. */
bool hm_failure_read(uint16_t code, const void *bytes, size_t size, struct hm_error *ret_error);

/* hm_failure_raise makes a failed call's reply this thread's error and returns its code. code is as the peer sent it. */
hm_status hm_failure_raise(uint16_t code, const void *bytes, size_t size);
