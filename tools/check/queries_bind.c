/* Bind: the runtime's own judgement of what fits what (store/bind.h), before there is a runtime. */
#include <string.h>

#include "guard/session.h"
#include "queries.h"
#include "store/bind.h"

hm_status query_bind(struct hm_arena *arena, const struct hm_query *query, const struct pg_result *result,
		     const struct method *method)
{
	struct hm_query_use use = { .builtins = hm_session_builtins };
	int n = PQnparams(result);
	struct description *description =
		hm_arena_zalloc(arena, sizeof *description + (size_t)n * sizeof *description->types);

	description->n_parameters = n;
	for (int i = 0; i < n; i++)
		description->types[i] = PQparamtype(result, i);
	TRY(bind_check_result(arena, query, result, method ? method->reply : NULL));
	if (!method)
		return HM_OK;
	use.arguments = method->request;
	return bind_check_arguments(arena, query, description, &use);
}
