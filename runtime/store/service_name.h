/* Service names: they become a schema and, with _owner, _migrator, _app and _system behind them, roles. */
#pragma once
#include "base/status.h"

enum { HM_SERVICE_NAME_MAX = 48 }; /* PostgreSQL cuts names after 63 bytes */

/* hm_service_name_check refuses (INVALID_ARGUMENT) what is not a-z, 0-9 and _, beginning with a letter, or is too long,
 * or begins with PostgreSQL's own "pg_". So a name needs no quoting, in SQL, in a conninfo or in a file. */
hm_status hm_service_name_check(const char *service);
