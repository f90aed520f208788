/*
 * Status: how every fallible function of Hallmark ends.
 *
 * A function returns one of gRPC's 17 codes; what happened, where and what to do stands beside it in the
 * calling thread's error slot, as errno does, but whole. The compiler refuses a status nobody looked at.
 *
 *     TRY(hm_store_open(&config, &store));                     pass a failure on
 *     return hm_raise(NOT_FOUND, "no account %s", id);         begin one
 *     hm_error_get()->message                                  read it, before the next failure on this thread
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The codes and their meaning are gRPC's (google.rpc.Code), number for number. */
enum [[nodiscard]] hm_status{
	HM_OK = 0,
	HM_CANCELLED = 1,
	HM_UNKNOWN = 2,
	HM_INVALID_ARGUMENT = 3,
	HM_DEADLINE_EXCEEDED = 4,
	HM_NOT_FOUND = 5,
	HM_ALREADY_EXISTS = 6,
	HM_PERMISSION_DENIED = 7,
	HM_RESOURCE_EXHAUSTED = 8,
	HM_FAILED_PRECONDITION = 9,
	HM_ABORTED = 10,
	HM_OUT_OF_RANGE = 11,
	HM_UNIMPLEMENTED = 12,
	HM_INTERNAL = 13,
	HM_UNAVAILABLE = 14,
	HM_DATA_LOSS = 15,
	HM_UNAUTHENTICATED = 16,
};
#define HM_STATUS_COUNT 17
typedef enum hm_status hm_status;

enum { HM_MESSAGE_BYTES = 512, HM_VIOLATIONS_MAX = 16, HM_FIELD_BYTES = 64, HM_DESCRIPTION_BYTES = 128 };

/* One wrong field of a request, as google.rpc.BadRequest has it. */
struct hm_violation {
	char field[HM_FIELD_BYTES]; /* path in JSON names: "entries[2].amount" */
	char description[HM_DESCRIPTION_BYTES];
};

/* What failed. Strings are NUL-terminated and cut, never overrun. */
struct hm_error {
	hm_status code;
	char message[HM_MESSAGE_BYTES];
	char reason[HM_FIELD_BYTES]; /* google.rpc.ErrorInfo's reason: UPPER_SNAKE, or empty */
	uint32_t retry_after_ms; /* google.rpc.RetryInfo; 0: none given */
	bool maybe_processed; /* it may have been done: what was heard last is that the call left, or the COMMIT */
	size_t n_violations;
	struct hm_violation violations[HM_VIOLATIONS_MAX];
	const char *file; /* where it was raised; NULL when it came from a peer */
	int line;
};

/* hm_error_get returns the calling thread's last error; never NULL, valid until that thread's next failure. */
const struct hm_error *hm_error_get(void);

/* hm_error_set makes *error the calling thread's last error and returns its code. For errors that crossed a
 * thread or the wire, and for cleanup that must not bury the error it cleans up after. */
hm_status hm_error_set(const struct hm_error *error);

/* hm_error_add_violation adds a wrong field to the calling thread's error; more than HM_VIOLATIONS_MAX are dropped. */
void hm_error_add_violation(const char *field, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* hm_error_set_reason and hm_error_set_retry complete the error just raised on this thread. */
void hm_error_set_reason(const char *reason);
void hm_error_set_retry(uint32_t retry_after_ms);

/* hm_raise begins a failure: hm_raise(NOT_FOUND, "no brand %s", id). It replaces this thread's error. */
#define hm_raise(code, ...) hm_raise_at(__FILE__, __LINE__, HM_##code, __VA_ARGS__)
hm_status hm_raise_at(const char *file, int line, hm_status code, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

/* hm_raise_errno is hm_raise with ": " and errno's text behind the words. */
#define hm_raise_errno(code, ...) hm_raise_errno_at(__FILE__, __LINE__, HM_##code, __VA_ARGS__)
hm_status hm_raise_errno_at(const char *file, int line, hm_status code, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

/* hm_status_name returns "NOT_FOUND" and the like; "CODE_99" style input gives "UNKNOWN". */
const char *hm_status_name(int code);

/* hm_status_find returns the code of a name, or -1. */
int hm_status_find(const char *name);

/* TRY returns from the calling function when the expression fails. */
#define TRY(expression)                                        \
	do {                                                   \
		hm_status try_status_ = (expression);          \
		if (__builtin_expect(try_status_ != HM_OK, 0)) \
			return try_status_;                    \
	} while (0)
