/* What an author and a caller write against the library contract; compiled by the golden test, never run. */
#include "library/v1/library.hm.h"
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
const struct hm_service library_feeding = LIBRARY_SERVICE_FEEDING(feed, .lend_book = lend_book);

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
