/*
 * Names: whose things a statement names. A name without a schema is the service's own; PostgreSQL's schemas and public (extensions) are nobody's.
 */
#pragma once
#include "rules.h"

/* names_each calls judge for each schema that the statement names, in names and in constants that are read as names (nextval('x.y'),
 * 'x.y'::regclass), with the whole name for messages. */
void names_each(const struct look *look,
		void (*judge)(const struct look *look, const char *schema, const char *name, int location));

/* name_is_system: pg_catalog, information_schema, pg_temp, pg_toast. */
bool name_is_system(const char *schema);

/* name_is_service: one of the platform's services. */
bool name_is_service(const char *schema);

/* names_made is what a statement makes in a schema ("": it names none); NULL name: nothing that is there after the session. */
struct made {
	const char *schema, *name;
};
struct made names_made(const PgQuery__Node *node);

/* name_is_role: service_suffix; with an unknown service any name that ends so. */
bool name_is_role(const char *role, const char *service, const char *suffix);
