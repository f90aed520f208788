/* Rules of the data model: every row has a brand, every schema an audit log, and nothing crosses between schemas. */
#include <string.h>

#include "rules.h"

/* ---- migration-brand-id-required ---------------------------------------------------------------------------------- */

static const char *lacks_brand(const struct table *table)
{
	const struct column *brand = table_column(table, "brand_id");

	if (!brand)
		return table->is_unsure ? "cannot be seen to have a column brand_id" : "has no column brand_id";
	if (!brand->is_not_null)
		return "has a brand_id that may be NULL";
	if (brand->type && strcmp(brand->type, "text"))
		return "has a brand_id of another type than text";
	return NULL;
}

/* Judged at the end of each file: there the migrator puts the rules on. A column's later change is shown where it was made. */
static void look_for_brand_ids(const struct look *look)
{
	for (const struct table *table = look->schema->tables; table; table = table->next) {
		const struct column *brand = table_column(table, "brand_id");
		const struct statement *where = brand && brand->changed_by ? brand->changed_by : table->made_by;
		const char *what = lacks_brand(table);

		if (what && (table->kind == TABLE_PLAIN || table->kind == TABLE_PARTITIONED) && !table->is_temporary &&
		    (where->file == look->file || table->made_by->file == look->file))
			complain_of(look, where, "table %s %s", table->name, what);
	}
}

const struct rule rules_model[] = {
	{ .name = "migration-brand-id-required",
	  .category = "model",
	  .summary = "every table has a column brand_id text NOT NULL",
	  .safe = "brand_id text NOT NULL, first in the table's keys",
	  .file = look_for_brand_ids },
	{ 0 },
};
