/* Query: finding a statement in its table. */
#include "store/query.h"

#include <string.h>

const struct hm_query *hm_query_find(const struct hm_query_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_queries; i++)
		if (!strcmp(table->queries[i]->name, name))
			return table->queries[i];
	return NULL;
}
