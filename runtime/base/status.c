/* Status: one error slot a thread, filled where a failure begins. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct hm_error current;

static const char *const names[HM_STATUS_COUNT] = {
	[HM_OK] = "OK",
	[HM_CANCELLED] = "CANCELLED",
	[HM_UNKNOWN] = "UNKNOWN",
	[HM_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
	[HM_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
	[HM_NOT_FOUND] = "NOT_FOUND",
	[HM_ALREADY_EXISTS] = "ALREADY_EXISTS",
	[HM_PERMISSION_DENIED] = "PERMISSION_DENIED",
	[HM_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
	[HM_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
	[HM_ABORTED] = "ABORTED",
	[HM_OUT_OF_RANGE] = "OUT_OF_RANGE",
	[HM_UNIMPLEMENTED] = "UNIMPLEMENTED",
	[HM_INTERNAL] = "INTERNAL",
	[HM_UNAVAILABLE] = "UNAVAILABLE",
	[HM_DATA_LOSS] = "DATA_LOSS",
	[HM_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

/* What was cut may end within a character, and half a one would make the text unreadable to a peer. */
static void trim(char *text, size_t room, int length)
{
	size_t end = room - 1, first = end;

	if (length < 0 || (size_t)length < room)
		return;
	while (first && end - first < 4 && ((unsigned char)text[first - 1] & 0xc0) == 0x80)
		first--;
	if (first && (unsigned char)text[first - 1] >= 0xc0 &&
	    end - first < (size_t)__builtin_clz(~((unsigned)(unsigned char)text[first - 1] << 24)) - 1)
		text[first - 1] = '\0';
}

__attribute__((format(printf, 3, 0))) static int print(char *text, size_t room, const char *format, va_list arguments)
{
	int length = vsnprintf(text, room, format, arguments);

	trim(text, room, length);
	return length;
}

const struct hm_error *hm_error_get(void)
{
	return &current;
}

hm_status hm_error_set(const struct hm_error *error)
{
	if (error != &current)
		current = *error;
	return current.code;
}

void hm_error_add_violation(const char *field, const char *format, ...)
{
	struct hm_violation *violation;
	va_list arguments;

	if (current.n_violations == HM_VIOLATIONS_MAX)
		return;
	violation = &current.violations[current.n_violations++];
	trim(violation->field, sizeof violation->field,
	     snprintf(violation->field, sizeof violation->field, "%s", field));
	va_start(arguments, format);
	print(violation->description, sizeof violation->description, format, arguments);
	va_end(arguments);
}

void hm_error_set_reason(const char *reason)
{
	snprintf(current.reason, sizeof current.reason, "%s", reason);
}

void hm_error_set_retry(uint32_t retry_after_ms)
{
	current.retry_after_ms = retry_after_ms;
}

/* The message may quote the current one, so it is made beside it and then moved in. */
static void raise(const char *file, int line, hm_status code, int error_number, const char *format, va_list arguments)
{
	char message[HM_MESSAGE_BYTES];
	int length = print(message, sizeof message, format, arguments);

	if (error_number && length >= 0 && (size_t)length < sizeof message)
		snprintf(message + length, sizeof message - (size_t)length, ": %s", strerrordesc_np(error_number));
	current = (struct hm_error){ .code = code, .file = file, .line = line };
	memcpy(current.message, message, sizeof message);
}

hm_status hm_raise_at(const char *file, int line, hm_status code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	raise(file, line, code, 0, format, arguments);
	va_end(arguments);
	return code;
}

hm_status hm_raise_errno_at(const char *file, int line, hm_status code, const char *format, ...)
{
	int error_number = errno;
	va_list arguments;

	va_start(arguments, format);
	raise(file, line, code, error_number, format, arguments);
	va_end(arguments);
	return code;
}

const char *hm_status_name(int code)
{
	return code >= 0 && code < HM_STATUS_COUNT ? names[code] : "UNKNOWN";
}

int hm_status_find(const char *name)
{
	for (int code = 0; code < HM_STATUS_COUNT; code++)
		if (!strcmp(names[code], name))
			return code;
	return -1;
}
