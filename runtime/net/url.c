/* URL: a name may resolve to any address, so that of plain tcp's hosts numbers alone are believed, and localhost. */
#include "net/url.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535 };

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

/* "HOST:PORT" and nothing behind it, or "#NAME"; an IPv6 address stands in brackets. An empty host or "*" is every address of this one. */
static bool has_port(const char *host)
{
	const char *colon = strrchr(host, ':');
	char *end;

	if (!colon || (*host == '[' ? colon[-1] != ']' : memchr(host, ':', (size_t)(colon - host)) != NULL))
		return false;
	return colon[1] >= '0' && colon[1] <= '9' && strtoul(colon + 1, &end, 10) <= PORT_MAX &&
	       (!*end || (*end == '#' && end[1]));
}

hm_status hm_url_check(const char *url)
{
	const char *host = behind(url, "tcp://"), *secure_host = behind(url, "tls+tcp://");

	for (size_t i = 0; i < sizeof local_schemes / sizeof *local_schemes; i++)
		if (behind(url, local_schemes[i]))
			return HM_OK;
	if (secure_host && has_port(secure_host))
		return HM_OK;
	if (!host)
		return hm_raise(INVALID_ARGUMENT,
				"%s: write ipc://PATH, inproc://NAME, tcp://127.0.0.1:PORT or tls+tcp://HOST:PORT",
				url);
	if (!is_loopback(host) ||
	    !has_port(host)) /* nng takes "localhost:@10.0.0.7:7003" for a user's name at that host */
		return hm_raise(
			INVALID_ARGUMENT,
			"%s: tcp is not encrypted, so it is for 127.0.0.1, [::1] and localhost with a port alone; "
			"tls+tcp://HOST:PORT goes further",
			url);
	return HM_OK;
}
