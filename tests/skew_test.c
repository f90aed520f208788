/*
 * Skew: a client and a server that have different releases of one contract, as in every rolling upgrade. What the other does not know
 * yet is passed over where that is safe (fields), and said where it is not (methods, values of enums).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hallmark.h"
#include "server/server.h"
#include "skew_new/v1/skew_new.hm.h"
#include "skew_old/v1/skew_old.hm.h"

enum { METHODS_MAX = 4 };

static char last_note[32]; /* what the newer server was told in the field that is new */

static hm_status put_old(struct hm_call *call, const SkewOld__Item *request, SkewOld__Item *reply)
{
	(void)call;
	*reply = *request;
	return HM_OK;
}

/* It says in its answer what only its own release can read. */
static hm_status put_new(struct hm_call *call, const SkewNew__Item *request, SkewNew__Item *reply)
{
	static SkewNew__Weight weight = { SKEW_NEW_WEIGHT_BASE, HM_SET(grams, 7) };

	(void)call;
	snprintf(last_note, sizeof last_note, "%s", request->note ? request->note : "none");
	*reply = *request;
	reply->note = "answered";
	reply->weight = &weight;
	if (!strcmp(request->name, "leaf")) {
		reply->has_colour = true;
		reply->colour = SKEW_NEW__COLOUR__GREEN;
	}
	return HM_OK;
}

static hm_status weigh(struct hm_call *call, const SkewNew__Item *request, SkewNew__Weight *reply)
{
	(void)call;
	reply->has_grams = true;
	reply->grams = (int64_t)strlen(request->name);
	return HM_OK;
}

const struct hm_service skew_old_service = SKEW_OLD_SERVICE(.put = put_old);
const struct hm_service skew_new_service = SKEW_NEW_SERVICE(.put = put_new, .weigh = weigh);

static hm_status run(void *user, struct hm_call *call, void *principal)
{
	(void)user;
	(void)principal;
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
}

static const struct hm_interceptor interceptor = { .run = run };

struct skew {
	struct hm_server *server;
	struct hm_channel *channel;
	struct hm_context *context;
	struct hm_method methods[METHODS_MAX];
	struct hm_service_table table;
	struct hm_service service;
};

/* Serves one release's methods under the ids of the other's: under one name they would be the same. */
static void serve(struct skew *skew, const struct hm_service *service, const struct hm_service_table *callers)
{
	const struct hm_service *const services[] = { &skew->service };
	char url[64];

	cr_assert_leq(service->table->n_methods, METHODS_MAX);
	skew->service = *service;
	skew->table = *service->table;
	skew->service.table = &skew->table;
	skew->table.methods = skew->methods;
	for (size_t i = 0; i < skew->table.n_methods; i++) {
		const char *bare = strchr(service->table->methods[i].name, '/') + 1;
		const struct hm_method *known = hm_method_find(callers, bare);

		skew->methods[i] = service->table->methods[i];
		if (known)
			skew->methods[i].id = known->id;
	}
	snprintf(url, sizeof url, "inproc://skew-%ld", (long)getpid());
	cr_assert_eq(hm_server_open(&(struct hm_server_config){ .services = services,
								.n_services = 1,
								.interceptor = &interceptor },
				    &skew->server),
		     HM_OK);
	cr_assert_eq(hm_server_listen(skew->server, url, NULL), HM_OK);
	cr_assert_eq(hm_channel_open_url(url, &skew->channel), HM_OK);
	cr_assert_eq(hm_context_open("", NULL, &skew->context), HM_OK);
}

static void close_skew(struct skew *skew)
{
	hm_context_close(skew->context);
	hm_channel_close(skew->channel);
	hm_server_close(skew->server);
}

static hm_status put_as_old(struct skew *skew, const char *name, SkewOld__Item **ret_item)
{
	return skew_old_put(skew->channel, skew->context,
			    &(SkewOld__Item){ SKEW_OLD_ITEM_BASE, .name = name, HM_SET(colour, SKEW_OLD__COLOUR__RED) },
			    ret_item);
}

Test(skew, an_older_client_is_served_by_a_newer_server, .timeout = 30)
{
	struct skew skew;
	SkewOld__Item *item;

	serve(&skew, &skew_new_service, &skew_old_table);
	cr_assert_eq(put_as_old(&skew, "stone", &item), HM_OK, "%s", hm_error_get()->message);
	cr_expect_str_eq(item->name, "stone");
	cr_expect_eq(item->colour, SKEW_OLD__COLOUR__RED);
	cr_expect_eq(item->base.n_unknown_fields, 0, "what it does not know does not travel on");
	cr_expect_str_eq(last_note, "none");
	close_skew(&skew);
}

Test(skew, a_newer_client_is_served_by_an_older_server_but_for_its_new_field, .timeout = 30)
{
	struct skew skew;
	SkewNew__Item *item;
	SkewNew__Item request = { SKEW_NEW_ITEM_BASE, .name = "stone", .note = "lost" };

	serve(&skew, &skew_old_service, &skew_new_table);
	cr_assert_eq(skew_new_put(skew.channel, skew.context, &request, &item), HM_OK, "%s", hm_error_get()->message);
	cr_expect_str_eq(item->name, "stone");
	cr_expect_null(item->note);
	cr_expect_null(item->weight);
	close_skew(&skew);
}

Test(skew, a_method_that_the_server_does_not_have_yet_is_unimplemented, .timeout = 30)
{
	struct skew skew;
	SkewNew__Weight *weight;
	SkewNew__Item *item, request = { SKEW_NEW_ITEM_BASE, .name = "stone" };

	serve(&skew, &skew_old_service, &skew_new_table);
	cr_expect_eq(skew_new_weigh(skew.channel, skew.context, &request, &weight), HM_UNIMPLEMENTED);
	cr_expect_eq(skew_new_put(skew.channel, skew.context, &request, &item), HM_OK, "the connection goes on");
	close_skew(&skew);
	serve(&skew, &skew_new_service, &skew_new_table);
	cr_expect_eq(skew_new_weigh(skew.channel, skew.context, &request, &weight), HM_OK);
	cr_expect_eq(weight->grams, 5);
	close_skew(&skew);
}

/* Nobody may take GREEN for something else, or for nothing: a value is known everywhere before it is used. */
Test(skew, a_value_of_an_enum_that_the_other_does_not_know_is_refused_by_name, .timeout = 30)
{
	struct skew skew;
	SkewNew__Item *item, request = { SKEW_NEW_ITEM_BASE, .name = "leaf", HM_SET(colour, SKEW_NEW__COLOUR__GREEN) };
	SkewOld__Item *old;

	serve(&skew, &skew_old_service, &skew_new_table);
	cr_expect_eq(skew_new_put(skew.channel, skew.context, &request, &item), HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, "colour: an unknown enum value"), "%s", hm_error_get()->message);
	close_skew(&skew);
	serve(&skew, &skew_new_service, &skew_old_table);
	cr_expect_eq(put_as_old(&skew, "leaf", &old), HM_INTERNAL);
	cr_expect(strstr(hm_error_get()->message, "colour: an unknown enum value"), "%s", hm_error_get()->message);
	cr_expect_eq(put_as_old(&skew, "stone", &old), HM_OK, "the connection goes on");
	close_skew(&skew);
}
