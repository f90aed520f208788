/*
 * TLS: nng's configurations are made anew for every connection. mbedTLS fills tables of a key when it is first used, without a lock, and
 * connections shake hands on different threads; and what a handshake costs is a hundred times what the parsing does.
 */
#include "net/tls.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/pem.h"
#include "net/tls_own.h"

enum { PATH_BYTES = 4096, HOST_BYTES = 256 };

static const char scheme[] = "tls+tcp://";

struct hm_tls {
	_Atomic unsigned references;
	struct hm_pem pem;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hm_tls *configured; /* NULL: nothing is */

struct hm_tls *hm_tls_hold(void)
{
	struct hm_tls *tls;

	pthread_mutex_lock(&lock);
	tls = configured;
	if (tls)
		atomic_fetch_add(&tls->references, 1);
	pthread_mutex_unlock(&lock);
	return tls;
}

void hm_tls_release(struct hm_tls *tls)
{
	if (!tls || atomic_fetch_sub(&tls->references, 1) != 1)
		return;
	hm_pem_fini(&tls->pem);
	free(tls);
}

static hm_status open_tls(const struct hm_tls_files *files, struct hm_tls **ret_tls)
{
	struct hm_pem pem;

	TRY(hm_pem_read(files, &pem));
	*ret_tls = calloc(1, sizeof **ret_tls);
	if (!*ret_tls)
		abort();
	(*ret_tls)->references = 1;
	(*ret_tls)->pem = pem;
	return HM_OK;
}

hm_status hm_tls_configure(const struct hm_tls_files *files)
{
	struct hm_tls *fresh = NULL, *former;

	if (files)
		TRY(open_tls(files, &fresh));
	pthread_mutex_lock(&lock);
	former = configured;
	configured = fresh;
	pthread_mutex_unlock(&lock);
	hm_tls_release(former);
	return HM_OK;
}

hm_status hm_tls_configure_folder(const char *folder)
{
	char ca[PATH_BYTES], certificate[PATH_BYTES], key[PATH_BYTES];

	if (strlen(folder) > PATH_BYTES - sizeof "/cert.pem")
		return hm_raise(INVALID_ARGUMENT, "a path of %zu bytes for the TLS folder", strlen(folder));
	snprintf(ca, sizeof ca, "%s/ca.pem", folder);
	snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	return hm_tls_configure(&(struct hm_tls_files){ .ca = ca, .certificate = certificate, .key = key });
}

bool hm_tls_is_url(const char *url)
{
	return !strncmp(url, scheme, sizeof scheme - 1);
}

hm_status hm_tls_check(const char *url)
{
	struct hm_tls *tls = hm_tls_hold();

	hm_tls_release(tls);
	if (tls)
		return HM_OK;
	return hm_raise(FAILED_PRECONDITION,
			"%s: no certificates: say with --tls or HALLMARK_TLS (in C: hm_tls_configure_folder) which "
			"folder has ca.pem, cert.pem, key.pem",
			url);
}

/* The host as certificates name it: without brackets and port; or what the URL says behind a "#", if its host is an address that a name
 * was resolved to. */
static void host_of(const char *url, char ret_host[HOST_BYTES])
{
	const char *host = url + sizeof scheme - 1, *name = strchr(url, '#');
	bool has_brackets = *host == '[';
	size_t bytes = strcspn(host + has_brackets, has_brackets ? "]" : ":");

	if (name)
		snprintf(ret_host, HOST_BYTES, "%s", name + 1);
	else
		snprintf(ret_host, HOST_BYTES, "%.*s", (int)bytes, host + has_brackets);
}

/* TLS 1.2 is the newest that mbedTLS 2.28 speaks. */
static int fill(nng_tls_config *config, const struct hm_pem *pem)
{
	int number = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_2);

	if (!number)
		number = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
	if (!number)
		number = nng_tls_config_ca_chain(config, pem->ca, NULL);
	if (!number)
		number = nng_tls_config_own_cert(config, pem->certificate, pem->key, NULL);
	return number;
}

static int dress_dialer(nng_stream_dialer *dialer, const char *url, const struct hm_tls *tls)
{
	nng_tls_config *config;
	char host[HOST_BYTES];
	int number = nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT);

	if (number)
		return number;
	host_of(url, host);
	number = nng_tls_config_server_name(config, host);
	if (!number)
		number = fill(config, &tls->pem);
	if (!number)
		number = nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
	nng_tls_config_free(config);
	return number;
}

int hm_tls_dress_dialer(nng_stream_dialer *dialer, const char *url)
{
	struct hm_tls *tls = hm_tls_hold();
	int number = tls ? dress_dialer(dialer, url, tls) : NNG_ECRYPTO;

	hm_tls_release(tls);
	return number;
}

int hm_tls_dress_listener(nng_stream_listener *listener, const struct hm_tls *tls)
{
	nng_tls_config *config;
	int number = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);

	if (number)
		return number;
	number = fill(config, &tls->pem);
	if (!number)
		number = nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
	nng_tls_config_free(config);
	return number;
}

/* The number does not tell which end believes which: a server that does not believe its client hangs up, or sends an alert first. */
const char *hm_tls_explain(int number)
{
	switch (number) {
	case NNG_EPEERAUTH:
	case NNG_ECRYPTO:
		return "no trust: the server's certificate is of no authority in our ca.pem, does not name this host "
		       "or has "
		       "expired; or the server does not believe ours; or it does not speak TLS";
	case NNG_ECLOSED:
	case NNG_ECONNSHUT:
	case NNG_ECONNRESET:
		return "the server hung up in the handshake: it does not believe our certificate, takes no more "
		       "connections, "
		       "or does not speak TLS";
	default:
		return NULL;
	}
}
