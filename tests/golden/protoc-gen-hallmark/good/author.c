/* What an author and a caller write against the contracts; compiled by the golden test, never run. */
#include "library/v1/library.hm.h"
#include "radio/v1/radio.fake.h"
#include "shelf/v1/shelf.hm.h"

static hm_status lend_book(struct hm_call *call, const Lib__Loan *request, Lib__Loan *reply)
{
	if (!request->book_id)
		return hm_fail(call, NOT_FOUND, "no book");
	reply->book_id = request->book_id;
	return HM_OK;
}

static hm_status feed(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	return lease && channel && context ? HM_OK : hm_raise(INTERNAL, "nothing to feed");
}

static void lent(void *user, hm_status status, const Lib__Loan *reply)
{
	*(bool *)user = status == HM_OK && reply->book_id;
}

hm_status borrow(struct hm_channel *channel, struct hm_context *context, bool *lent_at_once);

const struct hm_service library_service = LIBRARY_SERVICE(.lend_book = lend_book);
const struct hm_service library_queries_alone = LIBRARY_SERVICE();
const struct hm_service library_feeding = LIBRARY_SERVICE_FEEDING(feed, feed, .lend_book = lend_book);

hm_status borrow(struct hm_channel *channel, struct hm_context *context, bool *lent_at_once)
{
	const Shelf__V1__Place room = { SHELF_V1_PLACE_BASE, .room_name = "A1" };
	Lib__Loan loan = { LIB_LOAN_BASE, .book_id = "b1", HM_SET(fee, 5) };
	Lib__Query__NestedOne__DeepURL url = { LIB_QUERY_NESTED_ONE_DEEP_URL_BASE, .query = NULL };
	Lib__V2Thing thing = { LIB_V2_THING_BASE, .x = room.room_name };
	Lib__Loan *reply = NULL;

	TRY(library_lend_book(channel, context, &loan, &reply));
	TRY(library_get_httppage(channel, context, &url, &reply));
	return library_lend_book_start(channel, context, &loan, lent, thing.x ? lent_at_once : NULL);
}

static hm_status tune(struct hm_call *call, const Radio__Station *request, Radio__Station *reply)
{
	(void)call;
	*reply = *request;
	return HM_OK;
}

static hm_status listen_to(struct hm_call *call, const Radio__Station *request)
{
	if (!request->name)
		return hm_fail(call, NOT_FOUND, "no station");
	return radio_listen_write(call, &(Radio__Sound){ RADIO_SOUND_BASE });
}

static hm_status record(struct hm_call *call, Radio__Station *reply)
{
	Radio__Sound *sound;

	do
		TRY(radio_record_read(call, &sound));
	while (sound);
	reply->name = "kept";
	return HM_OK;
}

static hm_status talk(struct hm_call *call)
{
	Radio__Sound *sound;

	for (;;) {
		TRY(radio_talk_read(call, &sound));
		if (!sound)
			return HM_OK;
		TRY(radio_talk_write(call, sound));
	}
}

const struct hm_service radio_service =
	RADIO_SERVICE(.tune = tune, .listen = listen_to, .record = record, .talk = talk);

static void ready(void *user)
{
	*(bool *)user = true;
}

hm_status play(struct hm_channel *channel, struct hm_context *context, bool *flag);

hm_status play(struct hm_channel *channel, struct hm_context *context, bool *flag)
{
	const Radio__Station station = { RADIO_STATION_BASE, .name = "one" };
	SCOPED(radio_listen) heard = NULL;
	SCOPED(radio_record) recorded = NULL;
	SCOPED(radio_talk) talked = NULL;
	Radio__Sound *sound = NULL;
	Radio__Station *kept = NULL;

	TRY(radio_listen(channel, context, &station, &heard));
	radio_listen_on_ready(heard, ready, flag);
	TRY(radio_listen_try_next(heard, &sound, flag));
	TRY(radio_listen_next(heard, &sound));
	TRY(radio_record(channel, context, &recorded));
	TRY(radio_record_send(recorded, sound));
	TRY(radio_record_try_send(recorded, sound, flag));
	TRY(radio_record_finish(recorded, &kept));
	TRY(radio_record_try_finish(recorded, &kept, flag));
	TRY(radio_talk(channel, context, &talked));
	TRY(radio_talk_send(talked, sound));
	TRY(radio_talk_end(talked));
	return radio_talk_next(talked, &sound);
}

/* What a test says to a fake. */
hm_status stage(struct radio_fake **ret_fake);

hm_status stage(struct radio_fake **ret_fake)
{
	SCOPED(radio_fake) fake = NULL;

	TRY(radio_fake_open(&fake));
	fake->on.talk = talk;
	radio_fake_tune_replies(fake, &(Radio__Station){ RADIO_STATION_BASE, .name = "one" });
	radio_fake_listen_replies(fake, &(Radio__Sound){ RADIO_SOUND_BASE });
	radio_fake_record_fails(fake, HM_UNAVAILABLE, "no tape");
	if (radio_fake_tune_calls(fake) && !radio_fake_tune_request(fake)->name)
		return hm_raise(INTERNAL, "tuned to nothing");
	*ret_fake = take(&fake);
	return HM_OK;
}
