/* Rules of files: that they can be read, in what order they come, and how they are run. */
#include <string.h>

#include "rules.h"

/* What EXECUTE runs cannot be checked unless its text is constant. */
static void look_for_dynamic_sql(const struct look *look)
{
	if (look->statement->is_unread)
		complain(look, -1, "what this EXECUTE runs is put together at run time, so nobody has checked it");
}

/* Found by the parser; the row gives it a name and a page. */
static const char syntax_safe[] = "PostgreSQL 15's own parser reads these files; \\commands of psql are not SQL";

const struct rule rules_text[] = {
	{ .name = "sql-syntax",
	  .category = "files",
	  .summary = "a statement that PostgreSQL's parser refuses",
	  .safe = syntax_safe },
	{ .name = "allow-says-why",
	  .category = "files",
	  .summary = "an exception names a rule, gives a reason, and is needed",
	  .safe = "-- hallmark:allow RULE because …, above the statement it is for" },
	{ .name = "dynamic-sql",
	  .category = "files",
	  .summary = "SQL that is put together at run time cannot be checked",
	  .safe = "write the statements out; a loop over tables becomes a statement for each",
	  .anywhere = look_for_dynamic_sql },
	{ 0 },
};
