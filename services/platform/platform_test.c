/* Platform: brands under the system's brand their suspension in every service, and the registry. */
#include <stdio.h>
#include <string.h>

#include "guard/lease.h"
#include "hallmark/audit.hm.h"
#include "notes/v1/notes.hm.h"
#include "services/platform/test_requests.h"
#include "tests/fixture.h"

static Platform__Brand *created(struct fixture *f, struct hm_context *operator, const char * id)
{
	Platform__Brand *brand;

	must(platform_create_brand(f->channel, operator,
				   request(CREATE_BRAND, CreateBrand, .id = id, .name = "A brand"), &brand));
	return brand;
}

Test(platform, a_brand_is_made_once_and_active)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	Platform__Brand *brand = created(&f, operator, "acme");

	cr_assert_str_eq(brand->id, "acme");
	cr_assert_str_eq(brand->status, "active");
	cr_assert(brand->created_at && !brand->suspended_reason);
	refuses(ALREADY_EXISTS,
		platform_create_brand(f.channel, operator,
				      request(CREATE_BRAND, CreateBrand, .id = "acme", .name = "Again"), &brand));
}

Test(platform, a_brand_has_a_name_for_urls_and_not_the_reserved_one)
{
	static const char *const wrong[] = { "Acme", "9lives", "a b", "acme\n", "-a", "system" };
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	Platform__Brand *brand;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refuses(INVALID_ARGUMENT,
			platform_create_brand(f.channel, operator,
					      request(CREATE_BRAND, CreateBrand, .id = wrong[i], .name = "x"), &brand));
}

Test(platform, a_brand_is_read_by_operators_and_by_itself)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL), *ana = fixture_user(&f, "loop", "ana");
	Platform__Brand *brand;

	created(&f, operator, "loop");
	created(&f, operator, "nova");
	must(platform_get_brand(f.channel, operator, request(GET_BRAND, GetBrand, .id = "nova"), &brand));
	must(platform_get_brand(f.channel, ana, request(GET_BRAND, GetBrand, .id = "loop"), &brand));
	cr_assert_str_eq(brand->name, "A brand");
	refuses(NOT_FOUND, platform_get_brand(f.channel, ana, request(GET_BRAND, GetBrand, .id = "nova"), &brand));
	refuses(NOT_FOUND,
		platform_get_brand(f.channel, operator, request(GET_BRAND, GetBrand, .id = "nobody"), &brand));
}

Test(platform, brands_are_listed_by_id_page_by_page)
{
	static const char *const ids[] = { "acme", "loop", "nova" };
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL), *ana = fixture_user(&f, "loop", "ana");
	Platform__ListBrandsReply *page;
	const char *token = NULL;

	for (size_t i = 0; i < 3; i++)
		created(&f, operator, ids[2 - i]);
	for (size_t i = 0; i < 3; i++, token = page->next_page_token) {
		must(platform_list_brands(f.channel, operator,
					  request(LIST_BRANDS, ListBrands, HM_SET(page_size, 1), .page_token = token),
					  &page));
		cr_assert_eq(page->n_brands, 1);
		cr_assert_str_eq(page->brands[0]->id, ids[i]);
	}
	must(platform_list_brands(f.channel, operator,
				  request(LIST_BRANDS, ListBrands, HM_SET(page_size, 1), .page_token = token), &page));
	cr_assert(!page->n_brands && !page->next_page_token);
	must(platform_list_brands(f.channel, ana, request(LIST_BRANDS, ListBrands), &page));
	cr_assert_eq(page->n_brands, 1);
	cr_assert_str_eq(page->brands[0]->id, "loop");
}

Test(platform, an_update_changes_what_is_given)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	Platform__Brand *brand;

	created(&f, operator, "acme");
	must(platform_update_brand(f.channel, operator,
				   request(UPDATE_BRAND, UpdateBrand, .id = "acme", .name = "Acme"), &brand));
	cr_assert_str_eq(brand->name, "Acme");
	must(platform_update_brand(f.channel, operator, request(UPDATE_BRAND, UpdateBrand, .id = "acme"), &brand));
	cr_assert_str_eq(brand->name, "Acme");
	refuses(NOT_FOUND,
		platform_update_brand(f.channel, operator, request(UPDATE_BRAND, UpdateBrand, .id = "nobody"), &brand));
}

static hm_status suspend(struct fixture *f, struct hm_context *context, const char *id, Platform__Brand **ret_brand)
{
	return platform_suspend_brand(f->channel, context,
				      request(SUSPEND_BRAND, SuspendBrand, .id = id, .reason = "unpaid"), ret_brand);
}

static hm_status reactivate(struct fixture *f, struct hm_context *context, const char *id, Platform__Brand **ret_brand)
{
	return platform_reactivate_brand(f->channel, context, request(REACTIVATE_BRAND, ReactivateBrand, .id = id),
					 ret_brand);
}

Test(platform, a_brand_is_suspended_and_reactivated_in_turn)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	Platform__Brand *brand;

	created(&f, operator, "acme");
	refuses(FAILED_PRECONDITION,
		platform_reactivate_brand(f.channel, operator, request(REACTIVATE_BRAND, ReactivateBrand, .id = "acme"),
					  &brand));
	must(suspend(&f, operator, "acme", &brand));
	cr_assert_str_eq(brand->status, "suspended");
	cr_assert_str_eq(brand->suspended_reason, "unpaid");
	refuses(FAILED_PRECONDITION,
		platform_suspend_brand(f.channel, operator,
				       request(SUSPEND_BRAND, SuspendBrand, .id = "acme", .reason = "x"), &brand));
	must(reactivate(&f, operator, "acme", &brand));
	cr_assert_str_eq(brand->status, "active");
	cr_assert_null(brand->suspended_reason);
}

Test(platform, a_brand_nobody_made_cannot_change_its_status)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	Platform__Brand *brand;

	refuses(NOT_FOUND,
		platform_suspend_brand(f.channel, operator,
				       request(SUSPEND_BRAND, SuspendBrand, .id = "nobody", .reason = "x"), &brand));
	refuses(NOT_FOUND,
		platform_reactivate_brand(f.channel, operator,
					  request(REACTIVATE_BRAND, ReactivateBrand, .id = "nobody"), &brand));
}

/* A brand's own people, whatever their permissions, must not make rows the lease would take for other brands. */
Test(platform, brands_are_changed_under_the_system_brand_alone)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL);
	struct hm_context *others[] = { fixture_user(&f, "loop", "ana"), fixture_operator(&f, "loop") };
	Platform__Brand *brand;

	created(&f, operator, "loop");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		refuses(PERMISSION_DENIED,
			platform_create_brand(f.channel, others[i],
					      request(CREATE_BRAND, CreateBrand, .id = "nova", .name = "x"), &brand));
		refuses(PERMISSION_DENIED,
			platform_update_brand(f.channel, others[i], request(UPDATE_BRAND, UpdateBrand, .id = "loop"),
					      &brand));
		refuses(PERMISSION_DENIED, suspend(&f, others[i], "loop", &brand));
		refuses(PERMISSION_DENIED, reactivate(&f, others[i], "loop", &brand));
	}
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM platform.brands"), 1);
}

Test(platform, services_poll_the_state_of_all_brands)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL), *notes = fixture_service(&f, "notes");
	Platform__PollBrandsReply *reply;
	Platform__Brand *brand;
	size_t active = 0;

	created(&f, operator, "loop");
	created(&f, operator, "nova");
	must(suspend(&f, operator, "nova", &brand));
	must(platform_poll_brands(f.channel, notes, request(POLL_BRANDS, PollBrands), &reply));
	cr_assert_eq(reply->n_brands, 2);
	for (size_t i = 0; i < 2; i++)
		active += (size_t)(reply->brands[i]->active && !strcmp(reply->brands[i]->id, "loop"));
	cr_assert_eq(active, 1);
	refuses(PERMISSION_DENIED, platform_poll_brands(f.channel, operator, request(POLL_BRANDS, PollBrands), &reply));
}

/* Calls notes under a brand until it answers as wanted: the lease hears of it within its poll. */
static bool is_answered(struct fixture *f, struct hm_channel *notes, struct hm_context *context, hm_status wanted,
			const char *reason)
{
	const Notes__ListNotesRequest list = { NOTES_LIST_NOTES_REQUEST_BASE };
	int64_t until_us = hm_clock_mono_us() + 30LL * HM_US_PER_S;
	Notes__ListNotesReply *reply;

	while (hm_clock_mono_us() < until_us) {
		hm_context_reset(context);
		hm_lease_renew(hm_host_lease(f->host), HM_LEASE_REVOCATIONS,
			       hm_clock_mono_us()); /* there is no identity to publish any */
		if (notes_list_notes(notes, context, &list, &reply) == wanted &&
		    (wanted == HM_OK || !strcmp(hm_error_get()->reason, reason)))
			return fixture_audited(f, "notes", context) == 1;
	}
	return false;
}

Test(platform, a_suspended_brand_is_refused_by_every_service_until_it_is_back, .timeout = 120)
{
	static const struct hm_service *const services[] = { &platform_service, &notes_service, NULL };
	struct fixture f = fixture_serving_all(services, services);
	struct hm_context *operator= fixture_operator(&f, NULL), *ana = fixture_user(&f, "loop", "ana");
	struct hm_context *crossing = fixture_operator(&f, "loop"), *eve = fixture_user(&f, "nova", "eve");
	SCOPED(hm_channel) notes = NULL;
	Platform__Brand *brand;

	must(hm_channel_open("notes", &notes));
	cr_assert(is_answered(&f, notes, ana, HM_PERMISSION_DENIED, "BRAND_UNKNOWN"));
	created(&f, operator, "loop");
	created(&f, operator, "nova");
	cr_assert(is_answered(&f, notes, ana, HM_OK, ""));
	must(suspend(&f, operator, "loop", &brand));
	cr_assert(is_answered(&f, notes, ana, HM_PERMISSION_DENIED, "BRAND_SUSPENDED"));
	cr_assert(is_answered(&f, notes, crossing, HM_PERMISSION_DENIED, "BRAND_SUSPENDED"));
	cr_assert(is_answered(&f, notes, eve, HM_OK, ""));
	must(reactivate(&f, operator, "loop", &brand));
	cr_assert(is_answered(&f, notes, ana, HM_OK, ""));
}

/* Platform, asked once: what every process knows of brands after that it was told by the stream. */
static hm_status ask_once(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	static _Atomic bool was_asked;

	if (atomic_exchange(&was_asked, true))
		return hm_raise(UNAVAILABLE, "asked a second time");
	return platform_service.feed_lease(lease, channel, context);
}

Test(platform, a_suspension_is_told_without_asking_and_ends_streams_under_way, .timeout = 120)
{
	struct hm_service *asked_once = fixture_altered(&platform_service);
	const struct hm_service *const services[] = { asked_once, &notes_service, NULL };
	struct fixture f;
	struct hm_context *operator, * ana;
	SCOPED(hm_channel) notes = NULL;
	SCOPED(notes_answer_notes) stream = NULL;
	Platform__Brand *brand;
	Notes__Note *note;

	asked_once->feed_lease = ask_once;
	f = fixture_serving_all(services, services);
	operator= fixture_operator(&f, NULL);
	ana = fixture_user(&f, "loop", "ana");
	must(hm_channel_open("notes", &notes));
	created(&f, operator, "loop");
	cr_assert(is_answered(&f, notes, ana, HM_OK, ""));
	hm_lease_renew(hm_host_lease(f.host), HM_LEASE_REVOCATIONS, hm_clock_mono_us() + 3600LL * HM_US_PER_S);
	must(notes_answer_notes(notes, ana, &stream));
	must(suspend(&f, operator, "loop", &brand));
	refuses(PERMISSION_DENIED, notes_answer_notes_next(stream, &note));
	cr_assert_str_eq(hm_error_get()->reason, "BRAND_SUSPENDED");
	cr_assert(is_answered(&f, notes, fixture_user(&f, "loop", "ben"), HM_PERMISSION_DENIED, "BRAND_SUSPENDED"));
	must(reactivate(&f, operator, "loop", &brand));
	cr_assert(is_answered(&f, notes, fixture_user(&f, "loop", "cleo"), HM_OK, ""));
}

static hm_status tell_nothing(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	return lease && channel && context ? hm_raise(UNAVAILABLE, "no stream today") : HM_OK;
}

Test(platform, where_no_stream_comes_about_a_process_goes_on_asking, .timeout = 120)
{
	struct hm_service *silent = fixture_altered(&platform_service);
	const struct hm_service *const services[] = { silent, &notes_service, NULL };
	struct fixture f;
	SCOPED(hm_channel) notes = NULL;
	Platform__Brand *brand;

	silent->watch_lease = tell_nothing;
	f = fixture_serving_all(services, services);
	must(hm_channel_open("notes", &notes));
	created(&f, fixture_operator(&f, NULL), "loop");
	cr_assert(is_answered(&f, notes, fixture_user(&f, "loop", "ana"), HM_OK, ""));
	must(suspend(&f, fixture_operator(&f, NULL), "loop", &brand));
	cr_assert(is_answered(&f, notes, fixture_user(&f, "loop", "ana"), HM_PERMISSION_DENIED, "BRAND_SUSPENDED"));
}

Test(platform, watchers_are_told_of_all_brands_and_then_of_changes)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *operator= fixture_operator(&f, NULL), *notes = fixture_service(&f, "notes");
	SCOPED(platform_watch_brands) stream = NULL;
	Platform__BrandNews *news;
	Platform__Brand *brand;
	int64_t after_us = -1;

	created(&f, operator, "one");
	created(&f, operator, "two");
	must(platform_watch_brands(f.channel, notes, request(WATCH_BRANDS, WatchBrands), &stream));
	must(platform_watch_brands_next(stream, &news));
	cr_assert_eq(news->n_brands, 2);
	must(suspend(&f, operator, "two", &brand));
	do {
		cr_assert_gt(news->after_us, after_us);
		after_us = news->after_us;
		must(platform_watch_brands_next(stream, &news));
	} while (!news->n_brands);
	cr_assert_eq(news->n_brands, 1);
	cr_assert_str_eq(news->brands[0]->id, "two");
	cr_assert_not(news->brands[0]->active);
}

Test(platform, watching_brands_is_for_services)
{
	struct fixture f = fixture_serving(&platform_service);
	SCOPED(platform_watch_brands) stream = NULL;
	Platform__BrandNews *news;

	must(platform_watch_brands(f.channel, fixture_operator(&f, NULL), request(WATCH_BRANDS, WatchBrands), &stream));
	refuses(PERMISSION_DENIED, platform_watch_brands_next(stream, &news));
}

#define INSTANCE "01890000-0000-7000-8000-000000000001"

Test(platform, an_instance_registers_and_is_heard_of)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *notes = fixture_service(&f, "notes"), *operator= fixture_operator(&f, NULL);
	Platform__ServiceInstance *instance;
	Platform__ListServicesReply *list;

	refuses(NOT_FOUND,
		platform_heartbeat(f.channel, notes, request(HEARTBEAT, Heartbeat, .id = INSTANCE), &instance));
	for (int i = 0; i < 2; i++)
		must(platform_register_service(f.channel, notes,
					       request(REGISTER_SERVICE, RegisterService, .id = INSTANCE,
						       .name = "notes", .endpoint = "ipc:///run/notes.sock",
						       .version = "1"),
					       &instance));
	must(platform_heartbeat(f.channel, notes, request(HEARTBEAT, Heartbeat, .id = INSTANCE), &instance));
	cr_assert_str_eq(instance->endpoint, "ipc:///run/notes.sock");
	must(platform_list_services(f.channel, operator, request(LIST_SERVICES, ListServices), &list));
	cr_assert_eq(list->n_services, 1);
	must(platform_list_services(f.channel, operator, request(LIST_SERVICES, ListServices, .name = "echo"), &list));
	cr_assert_eq(list->n_services, 0);
	test_sql(f.dsn, "UPDATE platform.services SET heard_at = now() - interval '100 seconds'");
	must(platform_list_services(f.channel, operator, request(LIST_SERVICES, ListServices), &list));
	cr_assert_eq(list->n_services, 0);
	must(platform_list_services(f.channel, operator,
				    request(LIST_SERVICES, ListServices, HM_SET(max_age_seconds, 1000)), &list));
	cr_assert_eq(list->n_services, 1);
}

Test(platform, an_event_of_no_service_is_recorded_in_its_own_calls_entry)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Platform__RecordAuditReply *reply;
	Hallmark__ListAuditReply *list;

	must(platform_record_audit(f.channel, ana,
				   request(RECORD_AUDIT, RecordAudit, .event = "office.opened", .entity_type = "office",
					   .entity_id = "o-1", .note = "by hand"),
				   &reply));
	cr_assert_eq(fixture_audited(&f, "platform", ana), 1);
	hm_context_reset(ana);
	must(platform_list_audit(f.channel, ana,
				 &(Hallmark__ListAuditRequest){ HALLMARK_LIST_AUDIT_REQUEST_BASE, .entity_id = "o-1" },
				 &list));
	cr_assert_eq(list->n_entries, 1);
	cr_assert_str_eq(list->entries[0]->event_type, "audit.recorded");
	cr_assert(strstr(list->entries[0]->details, "office.opened"));
	cr_assert(strstr(list->entries[0]->details, "by hand"));
}
