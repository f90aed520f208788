/* Rules of locks: what holds off reads and writes of a table that is in use, or copies all of it. */
#include <string.h>

#include "rules.h"

static void look_at_index(const struct look *look)
{
	const PgQuery__IndexStmt *index = look->statement->node->index_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_INDEX_STMT && !index->concurrent &&
	    !look_is_new(look, index->relation))
		complain(look, -1, "CREATE INDEX holds off every write to %s until it is built",
			 look_name(index->relation));
}

const struct rule rules_locks[] = {
	{ .name = "index-concurrently",
	  .category = "locks",
	  .summary = "an index on a table in use is built CONCURRENTLY",
	  .safe = "a file of its own that begins with -- notransaction: CREATE INDEX CONCURRENTLY …",
	  .statement = look_at_index },
	{ 0 },
};
