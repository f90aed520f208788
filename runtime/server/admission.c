/* Admission: quota, queue, and the way out. */
#include "server/admission.h"

#include "server/pool.h"
#include "server/stream_pool.h"

hm_status hm_admission_check(const struct hm_method_row *row, struct hm_tenant *tenant, const struct hm_event *event,
			     int64_t now_us)
{
	const int64_t deadline_us = hm_serving_deadline(row->method, event->head.timeout_ms, now_us);

	if (row->method->kind == HM_UNARY)
		TRY(hm_pool_admit(row->pool, row, tenant, deadline_us, now_us));
	return hm_tenant_enter(tenant);
}

void hm_admission_refuse(struct hm_serving *serving)
{
	struct hm_error *refusal = hm_arena_alloc(&serving->call.context.arena, sizeof *refusal);
	struct hm_serving *nobody;

	*refusal = *hm_error_get();
	serving->refusal = refusal;
	if (hm_pool_add(serving->row->pool, serving, true, &nobody))
		return;
	(void)hm_error_set(refusal);
	(void)hm_serving_count(serving, true);
	hm_serving_end(serving, hm_error_get()->code);
}

/* A call that has waited, or has lost its place as it came. */
static void turn_away(struct hm_serving *serving)
{
	hm_status status = hm_pool_raise_full(serving->row);

	if (hm_serving_count(serving, false))
		hm_serving_end(serving, hm_error_get()->code);
	else if (status != HM_OK)
		hm_admission_refuse(serving);
}

/* Whose share of workers and threads the call takes. Anybody may call the built-in services, so there it is the connection's. */
static uint32_t share_of(const struct hm_serving *serving)
{
	if (serving->call.service->is_built_in)
		return (uint32_t)((uintptr_t)serving->peer / sizeof *serving->peer % HM_TENANTS_MAX);
	return serving->tenant->number;
}

void hm_admission_queue(struct hm_serving *serving)
{
	struct hm_serving *evicted;

	serving->node.tenant = share_of(serving);
	if (serving->row->method->kind != HM_UNARY) {
		if (!hm_stream_pool_add(serving->row->streams, serving))
			turn_away(serving);
		return;
	}
	serving->node.cost_us = atomic_load_explicit(&serving->row->typical_us, memory_order_relaxed);
	if (!hm_pool_add(serving->row->pool, serving, false, &evicted))
		turn_away(serving);
	else if (evicted)
		turn_away(evicted);
}
