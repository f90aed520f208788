/*
 * Names: the rules of verify.sql, by the migrator's names, and which page here tells of each. Data alone, for the check (live_catalog.c)
 * and for the test that none of them was forgotten.
 */
#pragma once

static const struct {
	const char *of_migrator, *rule;
} live_names[] = {
	{ "audit-table-required", "catalog-audit-log" },
	{ "append-only-triggers", "catalog-audit-log" },
	{ "audit-log-indexes", "catalog-audit-log" },
	{ "migration-brand-id-required", "catalog-brand" },
	{ "brand-id-in-keys-required", "catalog-brand" },
	{ "brand-id-by-itself", "catalog-brand" },
	{ "foreign-table-forbidden", "catalog-brand" },
	{ "row-security-forced", "catalog-row-security" },
	{ "policies-as-put-on", "catalog-row-security" },
	{ "policy-names-its-role", "catalog-row-security" },
	{ "policy-keeps-the-brand", "catalog-row-security" },
	{ "rule-forbidden", "catalog-row-security" },
	{ "view-security-invoker-required", "catalog-row-security" },
	{ "security-definer-forbidden", "catalog-functions" },
	{ "security-definer-search-path", "catalog-functions" },
	{ "function-keeps-the-brand", "catalog-functions" },
	{ "idempotent-replies", "catalog-idempotency" },
	{ "grants-as-put-on", "catalog-grants" },
	{ "schema-is-private", "catalog-grants" },
	{ "public-schema-closed", "catalog-grants" },
	{ "roles-are-plain", "catalog-roles" },
	{ "owner-owns-all", "catalog-owner" },
	{ "triggers-are-enabled", "catalog-half-done" },
};
