/* Platform's settings: versions, writers at once, brands apart; and the entries they leave. */
#include <pthread.h>

#include "hallmark/audit.hm.h"
#include "services/platform/test_requests.h"
#include "tests/fixture.h"

static Platform__Setting *put(struct fixture *f, struct hm_context *context, const char *key, const char *value)
{
	Platform__Setting *setting;

	must(platform_put_setting(f->channel, context, request(PUT_SETTING, PutSetting, .key = key, .value = value),
				  &setting));
	return setting;
}

Test(platform, a_setting_is_json_and_grows_its_version)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Platform__Setting *setting;

	cr_assert_eq(put(&f, ana, "theme", "\"dark\"")->version, 1);
	cr_assert_eq(put(&f, ana, "theme", "\"light\"")->version, 2);
	must(platform_get_setting(f.channel, ana, request(GET_SETTING, GetSetting, .key = "theme"), &setting));
	cr_assert_str_eq(setting->value, "\"light\"");
	cr_assert_eq(setting->version, 2);
	refuses(NOT_FOUND,
		platform_get_setting(f.channel, ana, request(GET_SETTING, GetSetting, .key = "colour"), &setting));
	refuses(INVALID_ARGUMENT,
		platform_put_setting(f.channel, ana, request(PUT_SETTING, PutSetting, .key = "theme", .value = "{dark"),
				     &setting));
	refuses(INVALID_ARGUMENT,
		platform_put_setting(f.channel, ana,
				     request(PUT_SETTING, PutSetting, .key = "a", .value = "\"\\u0000\""), &setting));
}

static hm_status put_at(struct fixture *f, struct hm_context *context, int64_t version, Platform__Setting **ret_setting)
{
	return platform_put_setting(
		f->channel, context,
		request(PUT_SETTING, PutSetting, .key = "theme", .value = "{}", HM_SET(expected_version, version)),
		ret_setting);
}

Test(platform, a_setting_is_replaced_only_at_the_version_expected)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Platform__Setting *setting;

	refuses(FAILED_PRECONDITION, platform_put_setting(f.channel, ana,
							  request(PUT_SETTING, PutSetting, .key = "theme", .value = "1",
								  HM_SET(expected_version, 1)),
							  &setting));
	must(put_at(&f, ana, 0, &setting));
	cr_assert_eq(setting->version, 1);
	refuses(FAILED_PRECONDITION, put_at(&f, ana, 0, &setting));
	refuses(FAILED_PRECONDITION, put_at(&f, ana, 2, &setting));
	must(put_at(&f, ana, 1, &setting));
	cr_assert_eq(setting->version, 2);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM platform.audit_log WHERE event_type = 'setting.put'"), 2);
}

enum { WRITERS = 8, PUTS = 5 };

struct writer {
	struct fixture *f;
	struct hm_context *context;
	pthread_t thread;
	bool is_done;
};

/* Reads, adds one version, tries again if somebody was faster. */
static void *put_all(void *user)
{
	struct writer *writer = user;
	int puts = 0;

	while (puts < PUTS) {
		Platform__Setting *setting;
		hm_status status = platform_get_setting(writer->f->channel, writer->context,
							request(GET_SETTING, GetSetting, .key = "theme"), &setting);

		if (status == HM_OK)
			status = put_at(writer->f, writer->context, setting->version, &setting);
		if (status != HM_OK && status != HM_FAILED_PRECONDITION)
			return NULL;
		puts += status == HM_OK;
		hm_context_reset(writer->context);
	}
	writer->is_done = true;
	return NULL;
}

Test(platform, no_put_is_lost_among_many_writers, .timeout = 60)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	struct writer writers[WRITERS];

	put(&f, ana, "theme", "0");
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .f = &f, .context = fixture_user(&f, "loop", "ana") };
		cr_assert_eq(pthread_create(&writers[i].thread, NULL, put_all, &writers[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		cr_assert(writers[i].is_done);
	}
	cr_assert_eq(test_sql(f.dsn, "SELECT version FROM platform.settings"), 1 + WRITERS * PUTS);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM platform.audit_log WHERE event_type = 'setting.put'"),
		     1 + WRITERS * PUTS);
}

Test(platform, each_brand_has_settings_of_its_own)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *eve = fixture_user(&f, "nova", "eve");
	Platform__ListSettingsReply *list;
	Platform__Setting *setting;

	put(&f, ana, "theme", "\"dark\"");
	put(&f, ana, "zone", "\"UTC\"");
	refuses(NOT_FOUND,
		platform_get_setting(f.channel, eve, request(GET_SETTING, GetSetting, .key = "theme"), &setting));
	cr_assert_eq(put(&f, eve, "theme", "1")->version, 1);
	must(platform_list_settings(f.channel, eve, request(LIST_SETTINGS, ListSettings), &list));
	cr_assert_eq(list->n_settings, 1);
	must(platform_list_settings(f.channel, ana, request(LIST_SETTINGS, ListSettings, HM_SET(page_size, 1)), &list));
	cr_assert_str_eq(list->next_page_token, "theme");
	must(platform_list_settings(f.channel, ana, request(LIST_SETTINGS, ListSettings, .page_token = "theme"),
				    &list));
	cr_assert_eq(list->n_settings, 1);
	cr_assert_str_eq(list->settings[0]->key, "zone");
}

Test(platform, a_brand_sees_its_own_entries_alone)
{
	struct fixture f = fixture_serving(&platform_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *eve = fixture_user(&f, "nova", "eve");
	const Hallmark__ListAuditRequest all = { HALLMARK_LIST_AUDIT_REQUEST_BASE };
	Hallmark__ListAuditReply *list;

	put(&f, ana, "theme", "1");
	must(platform_list_audit(f.channel, eve, &all, &list));
	cr_assert_eq(list->n_entries, 0);
	must(platform_list_audit(f.channel, ana, &all, &list));
	cr_assert_eq(list->n_entries, 1);
	cr_assert_str_eq(list->entries[0]->event_type, "setting.put");
}
