/* Breaking rules of methods: what callers, their tokens and auditors rely on. */
#include <string.h>

#include "rules.h"

#define NOW(look) (&(look)->now.method->options)
#define WAS(look) (&(look)->was.method->options)

/* Of options, the finding stands at the method's (hallmark.method). */
#define complain_option(look, format, ...)                                                                \
	do {                                                                                              \
		struct path path_ = path_join(&(look)->now.method->path, METHOD_OPTIONS, OPTION_METHOD);  \
		complain_at(look, &path_, "%s: " format, (look)->now.method->proto->name, ##__VA_ARGS__); \
	} while (0)

static void method_stream(const struct look *look)
{
	if (look->now.method->kind != look->was.method->kind)
		complain(look,
			 "%s streams on another side than it did, which its callers' code and packets do not; add a "
			 "method",
			 look->now.method->proto->name);
}

static void method_types(const struct look *look)
{
	const MethodProto *now = look->now.method->proto, *was = look->was.method->proto;

	if (strcmp(now->input_type, was->input_type) != 0)
		complain(look, "%s took %s; change it back, or add a method", now->name, was->input_type + 1);
	if (strcmp(now->output_type, was->output_type) != 0)
		complain(look, "%s answered with %s; change it back, or add a method", now->name, was->output_type + 1);
}

static void method_effect(const struct look *look)
{
	static const char *const names[] = { "nothing", "NONE", "READ", "WRITE" };

	if (NOW(look)->effect > WAS(look)->effect && NOW(look)->effect <= HM_EFFECT_WRITE)
		complain_option(look,
				"its effect is %s and was %s, and callers ask for it as if it still were; add a method",
				names[NOW(look)->effect], names[WAS(look)->effect]);
}

/* What may be repeated at least as freely as before. */
static int freedom(int idempotency)
{
	return idempotency == HM_NO_SIDE_EFFECTS ? 2 : idempotency == HM_IDEMPOTENT ? 1 : 0;
}

static void method_idempotency(const struct look *look)
{
	if (freedom(look->now.method->idempotency) < freedom(look->was.method->idempotency))
		complain(look,
			 "%s may be repeated less freely than it said, and callers repeat it; keep its "
			 "idempotency_level",
			 look->now.method->proto->name);
}

static void method_permission(const struct look *look)
{
	const char *now = NOW(look)->permission;

	if (now && !text_is(now, WAS(look)->permission))
		complain_option(look,
				"it takes permission %s and took %s: who could call it is refused; change it back", now,
				look->was.method->permission_words);
}

/* "*" stands for every service, and for no user. */
static bool had_other_callers(const struct method_options *now, const struct method_options *was)
{
	if (!was->callers.count)
		return true;
	if (texts_have(&now->callers, "*"))
		return false;
	for (size_t i = 0; i < was->callers.count; i++)
		if (!texts_have(&now->callers, was->callers.items[i]))
			return true;
	return false;
}

static void method_callers(const struct look *look)
{
	if (NOW(look)->callers.count && had_other_callers(NOW(look), WAS(look)))
		complain_option(look, "it is for %s and was for %s: who could call it is refused; change it back",
				look->now.method->permission_words, look->was.method->permission_words);
}

static void method_brand(const struct look *look)
{
	if (NOW(look)->only_brand && !text_is(NOW(look)->only_brand, WAS(look)->only_brand))
		complain_option(look, "only the brand %s may call it now, and others are refused; take only_brand out",
				NOW(look)->only_brand);
}

/* A deadline of 0 is a stream's, which has no end of its own. */
static void method_limits(const struct look *look)
{
	uint32_t now_ms = NOW(look)->deadline_ms, was_ms = WAS(look)->deadline_ms;

	if (now_ms && (!was_ms || now_ms < was_ms) && look->now.method->kind == look->was.method->kind)
		complain_option(look, "deadline_ms is less than it was, and calls that took longer fail; leave it");
	if (NOW(look)->request_bytes < WAS(look)->request_bytes)
		complain_option(look, "request_bytes is less than it was, and larger requests are refused; leave it");
}

static void event_renamed(const struct look *look)
{
	if (!text_is(NOW(look)->event, WAS(look)->event) && WAS(look)->event)
		complain_option(
			look, "its event was \"%s\", by which auditors find what is in the log already; change it back",
			WAS(look)->event);
	if (!text_is(NOW(look)->entity, WAS(look)->entity) && WAS(look)->entity)
		complain_option(
			look,
			"its entity was \"%s\", by which auditors find what is in the log already; change it back",
			WAS(look)->entity);
}

static void secret_removed(const struct look *look)
{
	if (WAS(look)->secret_reply && !NOW(look)->secret_reply)
		complain_option(look,
				"its reply was secret, and is stored for calls made again now; say secret_reply: true");
}

const struct rule breaks_of_methods[] = {
	{ "contract-method-stream", "breaking", OF_METHOD, method_stream },
	{ "contract-method-types", "breaking", OF_METHOD, method_types },
	{ "contract-method-effect", "breaking", OF_METHOD, method_effect },
	{ "contract-method-idempotency", "breaking", OF_METHOD, method_idempotency },
	{ "contract-method-permission", "breaking", OF_METHOD, method_permission },
	{ "contract-method-callers", "breaking", OF_METHOD, method_callers },
	{ "contract-method-brand", "breaking", OF_METHOD, method_brand },
	{ "contract-method-limits", "breaking", OF_METHOD, method_limits },
	{ "contract-event-renamed", "breaking", OF_METHOD, event_renamed },
	{ "contract-secret-removed", "breaking", OF_METHOD, secret_removed },
	{ 0 },
};
