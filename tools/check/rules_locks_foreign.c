/* Rules of foreign keys: what refers to a row is found by an index. */
#include <string.h>

#include "rules.h"

static bool has(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* An index serves if it begins with columns of the key, the brand alone not counting if there are others. */
static bool serves(const struct index *index, const char *const *columns)
{
	bool is_brand_enough = !columns[1];

	for (const char *const *indexed = index->columns; indexed && *indexed && has(columns, *indexed); indexed++)
		if (is_brand_enough || strcmp(*indexed, "brand_id"))
			return true;
	return false;
}

static bool is_served(const struct table *table, const char *const *columns)
{
	for (const struct index *index = table->indexes; index; index = index->next)
		if (serves(index, columns))
			return true;
	return false;
}

static const char *join(struct hm_arena *arena, const char *const *names)
{
	const char *joined = *names;

	while (*++names)
		joined = hm_arena_printf(arena, "%s, %s", joined, *names);
	return joined;
}

/* At the end, since the index may come after the key. */
static void look_for_indexes(const struct look *look)
{
	for (const struct table *table = look->schema->tables; table; table = table->next)
		for (const struct constraint *one = table->constraints; one; one = one->next)
			if (one->kind == CONSTRAINT_FOREIGN && one->columns && *one->columns &&
			    !is_served(table, one->columns))
				complain_of(look, one->made_by,
					    "no index of %s begins with (%s): a row of %s cannot go without reading "
					    "all of %s",
					    table->name, join(&look->check->arena, one->columns), one->references,
					    table->name);
}

const struct rule rules_locks_foreign[] = {
	{ .name = "foreign-key-index",
	  .category = "locks",
	  .summary = "the columns of a foreign key have an index",
	  .safe = "CREATE INDEX on the referring columns: in the file that makes the table, or CONCURRENTLY before the "
		  "key",
	  .group = look_for_indexes },
	{ 0 },
};
