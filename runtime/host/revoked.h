/*
 * Revoked: the tokens of operators and services that are void before their time. Those of users are identity's to revoke; these are
 * signed by whoever holds the key, so a file beside the keys says which are void, and every process watches it.
 *
 *     <keys>/revoked      "<token id> <when it was added>\n", a line each; added to, never written anew
 *
 * Each half second the file is looked at, and read if it has changed. A file that others could write, or that cannot be read, is no
 * news: after the lease's time these tokens are refused. No file: none is revoked. (host's own header, and the CLI's)
 */
#pragma once
#include "base/scoped.h"
#include "guard/lease.h"

struct hm_revoked;

/* hm_revoked_open reads the file and starts the thread that watches it. FAILED_PRECONDITION (others may write it), DATA_LOSS (a
 * line that is none), UNAVAILABLE say which file and what to do. */
hm_status hm_revoked_open(const char *keys, struct hm_lease *lease, struct hm_revoked **ret_revoked);
void hm_revoked_close(struct hm_revoked *revoked);
HM_SCOPED(hm_revoked, hm_revoked_close)

/* hm_revoked_add adds a token's id to the file, durably. INVALID_ARGUMENT: it is no id. */
hm_status hm_revoked_add(const char *keys, const char *id);
