/* URL: a name may resolve to any address, so that of tcp's hosts numbers alone are believed, and localhost. */
#include "net/url.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

static const char *const local_schemes[] = { "inproc://", "ipc://" };

static const char *behind(const char *text, const char *prefix)
{
	size_t bytes = strlen(prefix);

	return strncmp(text, prefix, bytes) ? NULL : text + bytes;
}

/* host is "127.0.0.1:7003" and the like. */
static bool is_loopback(const char *host)
{
	char name[INET_ADDRSTRLEN];
	size_t bytes = strcspn(host, ":");
	struct in_addr address;

	if (behind(host, "[::1]:") || behind(host, "localhost:"))
		return true;
	if (host[bytes] != ':' || bytes >= sizeof name)
		return false;
	memcpy(name, host, bytes);
	name[bytes] = '\0';
	return inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

hm_status hm_url_check(const char *url)
{
	const char *host = behind(url, "tcp://");

	for (size_t i = 0; i < sizeof local_schemes / sizeof *local_schemes; i++)
		if (behind(url, local_schemes[i]))
			return HM_OK;
	if (!host)
		return hm_raise(INVALID_ARGUMENT, "%s: write ipc://PATH, inproc://NAME or tcp://127.0.0.1:PORT", url);
	if (!is_loopback(host))
		return hm_raise(
			INVALID_ARGUMENT,
			"%s: tcp is not encrypted, so it is for 127.0.0.1, [::1] and localhost with a port alone", url);
	return HM_OK;
}
