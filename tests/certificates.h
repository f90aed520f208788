/* Certificates for tests of tls+tcp, made once a run by tools/make-certificates. */
#pragma once

/* test_certificates is the run's folder: <folder>/<who>/{ca,cert,key}.pem for "one" and "two" (names localhost and 127.0.0.1),
 * "elsewhere" (whose certificate names another host), "old" (expired), and "stranger" of an authority nobody here believes. */
const char *test_certificates(void);

/* test_tls configures this process's TLS as one of them; fails the test if it cannot. */
void test_tls(const char *who);
