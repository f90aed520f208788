/*
 * Admission: whether a call is taken in for a worker, decided before anything of it is copied or decoded, and what becomes of one that
 * is not: counted and answered at once, or audited by itself (struct hm_interceptor's count says which). (server's own header)
 */
#pragma once
#include "server/serving.h"

/* hm_admission_check admits a call to the service's queue, under its brand's quota and for its deadline. OK counts it as under way for
 * the tenant. RESOURCE_EXHAUSTED says when to retry. */
hm_status hm_admission_check(const struct hm_method_row *row, struct hm_tenant *tenant, const struct hm_event *event,
			     int64_t now_us);

/* hm_admission_queue has an admitted call wait for a worker. The place may have been lost since it was admitted, or be another's,
 * which has to go: those are refused. */
void hm_admission_queue(struct hm_serving *serving);

/* hm_admission_refuse has a worker refuse a call with this thread's error; if there is no worker even for that, it is counted. */
void hm_admission_refuse(struct hm_serving *serving);
