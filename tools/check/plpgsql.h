/* PL/pgSQL: what libpg_query cannot read of it, said in other words that it can. */
#pragma once
#include "check.h"

/* plpgsql_rewritten is a CREATE FUNCTION or DO statement whose body libpg_query refuses, with the parts that it has no words for left out.
 * In the check's arena; NULL: the body does not stand in it as it is. */
const char *plpgsql_rewritten(struct check *check, const char *statement, const char *body);
