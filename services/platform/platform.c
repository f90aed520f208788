/* Platform: brands, settings, the registry of services. */
#include "watch.h"

#include <string.h>

/* Moves a brand from one status to the other; the row stays locked between the look and the change. */
static hm_status change_status(struct hm_call *call, const struct hm_query *change, const char *from, const char *id,
			       const void *request, Platform__Brand *reply)
{
	Platform__Brand brand = PLATFORM__BRAND__INIT;

	TRY(hm_query_one(call, &platform_sql_lock_brand, request, &brand));
	if (strcmp(brand.status, from))
		return hm_fail(call, FAILED_PRECONDITION, "brand %s is %s", id, brand.status);
	return hm_query_one(call, change, request, reply);
}

static hm_status suspend_brand(struct hm_call *call, const Platform__SuspendBrandRequest *request,
			       Platform__Brand *reply)
{
	return change_status(call, &platform_sql_suspend_brand, "active", request->id, request, reply);
}

static hm_status reactivate_brand(struct hm_call *call, const Platform__ReactivateBrandRequest *request,
				  Platform__Brand *reply)
{
	return change_status(call, &platform_sql_reactivate_brand, "suspended", request->id, request, reply);
}

static hm_status put_setting(struct hm_call *call, const Platform__PutSettingRequest *request, Platform__Setting *reply)
{
	bool found;

	TRY(hm_query_optional(call, &platform_sql_put_setting, request, reply, &found));
	if (!found)
		return hm_fail(call, FAILED_PRECONDITION, "setting %s is not at version %lld: read it and put again",
			       request->key, (long long)request->expected_version);
	return HM_OK;
}

/* What is recorded stands in the call's own audit entry, which the runtime writes. */
static hm_status record_audit(struct hm_call *call, const Platform__RecordAuditRequest *request,
			      Platform__RecordAuditReply *reply)
{
	(void)reply;
	hm_audit_detail(call, "recorded", "%s", request->event);
	return HM_OK;
}

const struct hm_service platform_service = PLATFORM_SERVICE_FEEDING(
	platform_feed_lease, platform_watch_lease, .suspend_brand = suspend_brand, .reactivate_brand = reactivate_brand,
	.watch_brands = platform_handle_watch_brands, .put_setting = put_setting, .record_audit = record_audit);
