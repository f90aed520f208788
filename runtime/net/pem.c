/* PEM: nng says no more than that it could not, so mbedTLS is asked here first, and says what is wrong. */
#include "net/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 256 << 10, REASON_BYTES = 128 };

static const char advice[] = "tools/make-certificates makes all three files";

static hm_status check_file(const char *path, const struct stat *info, mode_t forbidden)
{
	if (!S_ISREG(info->st_mode) || info->st_size > FILE_BYTES_MAX)
		return hm_raise(FAILED_PRECONDITION, "%s is no PEM file: not a regular file, or over %d bytes", path,
				FILE_BYTES_MAX);
	if (info->st_uid != geteuid() && info->st_uid != 0)
		return hm_raise(FAILED_PRECONDITION, "%s belongs to user %u: it must be its user's own, or root's",
				path, (unsigned)info->st_uid);
	if (info->st_mode & forbidden)
		return hm_raise(FAILED_PRECONDITION, "%s has mode %03o, too open: chmod %s %s", path,
				(unsigned)info->st_mode & 0777, forbidden & 04 ? "600" : "644", path);
	return HM_OK;
}

static hm_status read_open(const char *path, int descriptor, mode_t forbidden, char **ret_text)
{
	struct stat info;
	size_t size = 0;
	ssize_t got = 1;
	char *text;

	if (fstat(descriptor, &info))
		return hm_raise_errno(UNAVAILABLE, "%s", path);
	TRY(check_file(path, &info, forbidden));
	text = calloc(1, (size_t)info.st_size + 1);
	if (!text)
		abort();
	while (size < (size_t)info.st_size && got > 0) {
		got = read(descriptor, text + size, (size_t)info.st_size - size);
		size += got > 0 ? (size_t)got : 0;
	}
	*ret_text = text; /* the caller's in any case, to be wiped */
	return got < 0 ? hm_raise_errno(UNAVAILABLE, "cannot read %s", path) : HM_OK;
}

static hm_status read_file(const char *path, mode_t forbidden, char **ret_text)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	hm_status status;

	if (descriptor < 0)
		return errno == ENOENT ? hm_raise(NOT_FOUND, "no file %s: %s", path, advice)
				       : hm_raise_errno(FAILED_PRECONDITION, "cannot open %s", path);
	status = read_open(path, descriptor, forbidden, ret_text);
	close(descriptor);
	return status;
}

static hm_status from_mbedtls(int number, const char *path, const char *what)
{
	char reason[REASON_BYTES];

	if (number > 0) /* so many of several certificates */
		return hm_raise(FAILED_PRECONDITION, "%s: %d of its certificates cannot be read", path, number);
	if (number == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || number == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
		return hm_raise(FAILED_PRECONDITION, "%s is encrypted: openssl pkey -in %s takes the password off",
				path, path);
	mbedtls_strerror(number, reason, sizeof reason);
	return hm_raise(FAILED_PRECONDITION, "%s: no %s in PEM form: %s", path, what, reason);
}

static hm_status parse_certificates(const char *path, const char *text, mbedtls_x509_crt *certificates)
{
	int number = mbedtls_x509_crt_parse(certificates, (const unsigned char *)text, strlen(text) + 1);

	if (number)
		return from_mbedtls(number, path, "certificate");
	for (const mbedtls_x509_crt *each = certificates; each; each = each->next) {
		if (mbedtls_x509_time_is_past(&each->valid_to))
			return hm_raise(FAILED_PRECONDITION, "%s expired on %04d-%02d-%02d: have a new one signed",
					path, each->valid_to.year, each->valid_to.mon, each->valid_to.day);
		if (mbedtls_x509_time_is_future(&each->valid_from))
			return hm_raise(FAILED_PRECONDITION, "%s is valid from %04d-%02d-%02d on: is the clock right?",
					path, each->valid_from.year, each->valid_from.mon, each->valid_from.day);
	}
	return HM_OK;
}

static hm_status check_ca(const struct hm_tls_files *files, const struct hm_pem *pem)
{
	mbedtls_x509_crt authorities;
	hm_status status;

	mbedtls_x509_crt_init(&authorities);
	status = parse_certificates(files->ca, pem->ca, &authorities);
	if (status == HM_OK && !authorities.ca_istrue)
		status = hm_raise(FAILED_PRECONDITION, "%s is no authority's certificate (basicConstraints CA:TRUE)",
				  files->ca);
	mbedtls_x509_crt_free(&authorities);
	return status;
}

static hm_status check_pair(const struct hm_tls_files *files, const struct hm_pem *pem)
{
	mbedtls_x509_crt certificate;
	mbedtls_pk_context key;
	hm_status status;
	int number;

	mbedtls_x509_crt_init(&certificate);
	mbedtls_pk_init(&key);
	status = parse_certificates(files->certificate, pem->certificate, &certificate);
	if (status == HM_OK) {
		number = mbedtls_pk_parse_key(&key, (const unsigned char *)pem->key, strlen(pem->key) + 1, NULL, 0);
		if (number)
			status = from_mbedtls(number, files->key, "private key");
		else if (mbedtls_pk_check_pair(&certificate.pk, &key))
			status = hm_raise(FAILED_PRECONDITION, "%s is not the key of the certificate %s", files->key,
					  files->certificate);
	}
	mbedtls_pk_free(&key);
	mbedtls_x509_crt_free(&certificate);
	return status;
}

static hm_status read_all(const struct hm_tls_files *files, struct hm_pem *pem)
{
	TRY(read_file(files->ca, 022, &pem->ca));
	TRY(read_file(files->certificate, 022, &pem->certificate));
	TRY(read_file(files->key, 077, &pem->key));
	TRY(check_ca(files, pem));
	return check_pair(files, pem);
}

hm_status hm_pem_read(const struct hm_tls_files *files, struct hm_pem *ret_pem)
{
	struct hm_pem pem = { 0 };
	hm_status status = read_all(files, &pem);

	if (status == HM_OK)
		*ret_pem = pem;
	else
		hm_pem_fini(&pem);
	return status;
}

void hm_pem_fini(struct hm_pem *pem)
{
	if (pem->key)
		explicit_bzero(pem->key, strlen(pem->key));
	free(pem->ca);
	free(pem->certificate);
	free(pem->key);
	*pem = (struct hm_pem){ 0 };
}
