/* Ward: from a service's tables to what each call needs. A service that does not fit its contract is not served. */
#include "guard/ward.h"

#include <stdlib.h>
#include <string.h>

#include "guard/session.h"
#include "hallmark/audit.pb-c.h"
#include "wire/message.h"

/* The query that is all of a method must not reach further than the method's contract says. */
static hm_status check_reach(const struct hm_method *method, const struct hm_query *query)
{
	if (query->is_system && !method->callers && !method->only_brand)
		return hm_raise(FAILED_PRECONDITION,
				"%s:%d: %s crosses brands: its method must name its callers, or its only brand",
				query->file, query->line, query->name);
	if (!query->is_system && method->effect == HM_EFFECT_NONE)
		return hm_raise(FAILED_PRECONDITION, "%s:%d: %s touches a brand's data: effect NONE is not audited",
				query->file, query->line, query->name);
	return HM_OK;
}

/* What every service shows of its audit log is the same, and so the runtime's. */
static bool lists_audit(const struct hm_method *method)
{
	return method->request == &hallmark__list_audit_request__descriptor &&
	       method->reply == &hallmark__list_audit_reply__descriptor;
}

static hm_status bind_method(const struct hm_guarded *guarded, const struct hm_method *method,
			     struct hm_ward_method *ret_method)
{
	const struct hm_service *service = guarded->service;
	const char *bare = strrchr(method->name, '/') + 1;
	const struct hm_query *query = service->queries ? hm_query_find(service->queries, bare) : NULL;
	bool handled = hm_method_has_handler(service, method);

	if (query && !query->is_rpc)
		query = NULL;
	if (!query && !handled && guarded->store && lists_audit(method))
		query = &hm_audit_list;
	if (!handled && method->kind != HM_UNARY)
		return hm_raise(FAILED_PRECONDITION,
				"%s:%d: %s streams, and has no handler: a stream cannot be one query%s%s", method->file,
				method->line, method->name, query ? ", as in " : "", query ? query->file : "");
	if (!query && !handled)
		return hm_raise(FAILED_PRECONDITION, "%s:%d: %s has neither a handler nor a query", method->file,
				method->line, method->name);
	if (query && handled)
		return hm_raise(FAILED_PRECONDITION, "%s:%d: %s has a handler as well", query->file, query->line,
				method->name);
	if (query)
		TRY(check_reach(method, query));
	*ret_method = (struct hm_ward_method){
		.query = query,
		.has_brand_id = hm_field_find(method->request, "brand_id"),
	};
	return HM_OK;
}

static hm_status check_names(const struct hm_service *service)
{
	for (size_t i = 0; service->queries && i < service->queries->n_queries; i++) {
		const struct hm_query *query = service->queries->queries[i];

		if (query->is_rpc && !hm_method_find(service->table, query->name))
			return hm_raise(FAILED_PRECONDITION, "%s:%d: %s has no method %s", query->file, query->line,
					service->table->name, query->name);
	}
	return HM_OK;
}

/* A query that is all of a method must fit its messages. What a handler binds to its own, the handler alone knows. */
static hm_status check_queries(const struct hm_ward *ward)
{
	const struct hm_service_table *table = ward->service->table;
	const struct hm_query_table *queries = ward->service->queries;

	for (size_t i = 0; i < table->n_methods; i++) {
		const struct hm_query_use use = { .arguments = table->methods[i].request,
						  .reply = table->methods[i].reply,
						  .builtins = hm_session_builtins };

		if (ward->methods[i].query)
			TRY(hm_store_check(ward->store, ward->methods[i].query, &use));
	}
	for (size_t i = 0; queries && i < queries->n_queries; i++)
		if (!queries->queries[i]->is_rpc)
			TRY(hm_store_check(ward->store, queries->queries[i], &(struct hm_query_use){ 0 }));
	return HM_OK;
}

hm_status hm_ward_open(const struct hm_guarded *guarded, uint32_t reply_ttl_s, struct hm_ward *ret_ward)
{
	const struct hm_service_table *table = guarded->service->table;

	ret_ward->service = guarded->service;
	ret_ward->store = guarded->store;
	ret_ward->signing_key = guarded->signing_key;
	ret_ward->reply_ttl_s = reply_ttl_s;
	ret_ward->methods = calloc(table->n_methods, sizeof *ret_ward->methods);
	if (!ret_ward->methods)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu methods", table->n_methods);
	for (size_t i = 0; i < table->n_methods; i++)
		TRY(bind_method(guarded, &table->methods[i], &ret_ward->methods[i]));
	TRY(check_names(guarded->service));
	if (!guarded->store)
		return HM_OK;
	TRY(check_queries(ret_ward));
	TRY(hm_audit_writer_open(guarded->store, &ret_ward->audit));
	ret_ward->refusals = hm_refusals_open(table, ret_ward->audit);
	return HM_OK;
}

void hm_ward_close(struct hm_ward *ward)
{
	hm_refusals_close(ward->refusals);
	hm_audit_writer_close(ward->audit);
	free(ward->methods);
}
