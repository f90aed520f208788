/* Error: a table of nng's numbers; all that is not in it is a peer out of reach. */
#include "net/error.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdio.h>

static const struct {
	int number;
	hm_status code;
} meanings[] = {
	{ NNG_EINVAL, HM_INVALID_ARGUMENT },     { NNG_EADDRINVAL, HM_INVALID_ARGUMENT },
	{ NNG_ENOTSUP, HM_INVALID_ARGUMENT },    { NNG_ENOMEM, HM_RESOURCE_EXHAUSTED },
	{ NNG_ENOFILES, HM_RESOURCE_EXHAUSTED }, { NNG_ENOSPC, HM_RESOURCE_EXHAUSTED },
	{ NNG_EADDRINUSE, HM_ALREADY_EXISTS },   { NNG_EPERM, HM_PERMISSION_DENIED },
	{ NNG_EPEERAUTH, HM_UNAUTHENTICATED },   { NNG_ECRYPTO, HM_UNAUTHENTICATED },
	{ NNG_ESTATE, HM_FAILED_PRECONDITION },  { NNG_EINTERNAL, HM_INTERNAL },
	{ NNG_EMSGSIZE, HM_RESOURCE_EXHAUSTED },
};

/* nng wraps errno as ESYSERR; a socket file one may not open is not a peer that is away. */
static hm_status code_of(int number)
{
	if (number == (NNG_ESYSERR | EACCES))
		return HM_PERMISSION_DENIED;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].number == number)
			return meanings[i].code;
	return HM_UNAVAILABLE;
}

hm_status hm_from_nng(int number, const char *peer, const char *phase, bool maybe_processed)
{
	struct hm_error error = { .code = code_of(number), .maybe_processed = maybe_processed };
	int length;

	length = snprintf(error.message, sizeof error.message, "%s: %s: %s (%s)", peer, phase, nng_strerror(number),
			  maybe_processed ? "the call may have been processed" : "the call was not processed");
	if (length < 0)
		error.message[0] = '\0';
	return hm_error_set(&error);
}
