/* The first acts: brands by an operator, people with roles, passwords and tokens. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/child.h"
#include "tests/demo/demo.h"

#define SETTINGS "platform.v1.Platform/ListSettings"

enum { NEWS_LIMIT_MS = 10000, NEWS_PAUSE_MS = 50 };

static const char *const bookkeeper[] = { "accounting.read", "accounting.write", "identity.users.read" };
static const char *const reader[] = { "accounting.read" };

void demo_refused(hm_status status, hm_status wanted, const char *what)
{
	story_check(status == wanted, "%s: %s", what, hm_status_name(status));
}

static hm_status make_brand(struct demo *demo, const char *json, const char *id, struct demo_brand *ret_brand)
{
	const struct shell_call call = { .method = "platform.v1.Platform/CreateBrand", .json = json, .as = "operator" };

	ret_brand->id = id;
	TRY(shell_call(&demo->stage, &call, NULL));
	return shell_context(&demo->stage, id, "operator", &ret_brand->operator);
}

/* Every service hears of a brand within half a second; until then it refuses it. So the brand is asked for until it is known. */
static hm_status await_brand(struct demo *demo, const struct demo_brand *brand)
{
	const Platform__ListSettingsRequest request = { PLATFORM_LIST_SETTINGS_REQUEST_BASE };
	const struct timespec pause = { .tv_nsec = NEWS_PAUSE_MS * 1000000L };
	int64_t limit_us = hm_clock_mono_us() + (int64_t)NEWS_LIMIT_MS * HM_US_PER_MS;
	Platform__ListSettingsReply *reply;
	hm_status status;

	for (;;) {
		hm_context_reset(brand->operator);
		status = tally_call(SETTINGS,
				    platform_list_settings(demo->platform, brand->operator, & request, &reply));
		if (status != HM_PERMISSION_DENIED || strcmp(hm_error_get()->reason, "BRAND_UNKNOWN") || child_stop ||
		    hm_clock_mono_us() > limit_us)
			return status;
		nanosleep(&pause, NULL);
	}
}

hm_status demo_brands(struct demo *demo)
{
	int64_t began_us;

	story_act("Two brands");
	TRY(make_brand(demo, "{\"id\":\"loop\",\"name\":\"Loop\"}", "loop", &demo->loop));
	TRY(make_brand(demo, "{\"id\":\"nova\",\"name\":\"Nova\"}", "nova", &demo->nova));
	began_us = hm_clock_mono_us();
	TRY(await_brand(demo, &demo->loop));
	TRY(await_brand(demo, &demo->nova));
	story_say("every service has heard of both %lld ms later",
		  (long long)((hm_clock_mono_us() - began_us) / HM_US_PER_MS));
	return HM_OK;
}

static hm_status define_role(struct demo *demo, const struct demo_brand *brand, const char *name,
			     const char *const *permissions, size_t n)
{
	Identity__DefineRoleRequest request = { IDENTITY_DEFINE_ROLE_REQUEST_BASE, .name = name };
	Identity__Role *role;

	request.permissions = (const char **)(uintptr_t)permissions;
	request.n_permissions = n;
	return tally_call("identity.v1.Identity/DefineRole",
			  identity_define_role(demo->identity, brand->operator, & request, &role));
}

static hm_status make_user(struct demo *demo, const struct demo_brand *brand, const char *name, const char *password,
			   const char *role, char ret_id[HM_ID_TEXT_BYTES])
{
	const Identity__RegisterUserRequest request = { IDENTITY_REGISTER_USER_REQUEST_BASE, .username = name,
							.password = password };
	Identity__AssignRoleRequest assign = { IDENTITY_ASSIGN_ROLE_REQUEST_BASE, .role = role };
	Identity__Assignment *assignment;
	Identity__User *user;

	TRY(tally_call("identity.v1.Identity/RegisterUser",
		       identity_register_user(demo->identity, brand->operator, & request, &user)));
	snprintf(ret_id, HM_ID_TEXT_BYTES, "%s", user->id);
	assign.user_id = ret_id;
	TRY(tally_call("identity.v1.Identity/AssignRole",
		       identity_assign_role(demo->identity, brand->operator, & assign, &assignment)));
	story_say("%s@%s  %s  %s", name, brand->id, user->id, role);
	return HM_OK;
}

hm_status demo_people(struct demo *demo)
{
	struct demo_brand *loop = &demo->loop, *nova = &demo->nova;

	story_act("People, what they may do, and who they are");
	TRY(define_role(demo, loop, "bookkeeper", bookkeeper, 3));
	TRY(define_role(demo, loop, "reader", reader, 1));
	TRY(define_role(demo, nova, "bookkeeper", bookkeeper, 3));
	TRY(make_user(demo, loop, "ana", "ana keeps the books", "bookkeeper", loop->keeper_id));
	TRY(make_user(demo, loop, "ben", "ben looks at them", "reader", demo->ben_id));
	TRY(make_user(demo, nova, "nia", "nia keeps others", "bookkeeper", nova->keeper_id));
	demo_refused(shell_login(&demo->stage, "loop", "ana", "a guess"), HM_UNAUTHENTICATED,
		     "a wrong password opens nothing");
	TRY(shell_login(&demo->stage, "loop", "ana", "ana keeps the books"));
	TRY(shell_login(&demo->stage, "loop", "ben", "ben looks at them"));
	TRY(shell_login(&demo->stage, "nova", "nia", "nia keeps others"));
	TRY(shell_context(&demo->stage, "loop", "ana", &loop->keeper));
	return shell_context(&demo->stage, "nova", "nia", &nova->keeper);
}
