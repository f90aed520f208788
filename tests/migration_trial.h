/*
 * Migration trial: each file of a service on a schema that is secured and has rows, as it will meet it.
 *
 * For each file but the first, the ones before it are applied in a database of its own, every table is given rows of two brands, and
 * the file is applied. A statement that writes and wrote no row is an offence: a backfill that does not see the rows (row-level
 * security is forced, for the owner too) fills nothing and says nothing.
 *
 * Rows are made from the columns' types: the nth has n in every column, so that keys meet. What that does not suit (a check, an
 * exclusion) comes from services/NAME/rows.sql, SQL that is run first; tables that have rows then are left as they are.
 */
#pragma once

/* migration_trial returns what is wrong, "" if nothing is; overwritten by the next. directory: of the migrations; rows_path: of
 * rows.sql, which need not be there. */
const char *migration_trial(const char *service, const char *directory, const char *rows_path);
