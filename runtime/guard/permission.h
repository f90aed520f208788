/* Permissions: names like "ledger.write" that tokens, roles and scopes list, and what a list of them covers. */
#pragma once
#include <stdbool.h>

/* hm_permissions_cover says whether a NULL-terminated list grants a permission: by its name, by "ledger.*" for everything
 * that begins with "ledger.", or by "*" for everything. A wildcard that is wanted is covered by one at least as wide. */
bool hm_permissions_cover(const char *const *granted, const char *wanted);
