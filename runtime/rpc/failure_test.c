/* Failure: what a caller makes of a reply that says it failed. */
#include "rpc/failure.h"

#include <criterion/criterion.h>

/* What a server of this version, one from before maybe_processed, or none of ours says. */
static const struct said {
	const char *what;
	uint16_t code;
	Hallmark__Status status;
	bool is_cut; /* its explanation cannot be read */
	bool not_processed, maybe_processed; /* what is heard */
} saids[] = {
	{ "in doubt", HM_UNKNOWN, { .has_maybe_processed = true, .maybe_processed = true }, false, false, true },
	{ "not in doubt", HM_UNKNOWN, { .has_maybe_processed = true }, false, false, false },
	{ "an old server in doubt", HM_UNKNOWN, { .has_code = false }, false, false, true },
	{ "an old server that did not run it",
	  HM_UNKNOWN,
	  { .has_not_processed = true, .not_processed = true },
	  false,
	  true,
	  false },
	{ "an ordinary failure", HM_NOT_FOUND, { .has_code = false }, false, false, false },
	{ "a code of later days", HM_STATUS_COUNT, { .has_code = false }, false, false, true },
	{ "nothing that can be read", HM_NOT_FOUND, { .has_code = false }, true, false, true },
};

Test(failure, says_what_is_known_of_whether_the_call_was_done)
{
	for (size_t i = 0; i < sizeof saids / sizeof *saids; i++) {
		const struct said *said = &saids[i];
		Hallmark__Status status = said->status;
		uint8_t bytes[64] = { 0xff };
		size_t size = 1;
		struct hm_error error;

		status.base = (ProtobufCMessage)PROTOBUF_C_MESSAGE_INIT(&hallmark__status__descriptor);
		if (!said->is_cut)
			size = protobuf_c_message_pack(&status.base, bytes);
		cr_expect_eq(hm_failure_read(said->code, bytes, size, &error), said->not_processed, "%s", said->what);
		cr_expect_eq(error.maybe_processed, said->maybe_processed, "%s", said->what);
	}
}

/* A server of this version leaves no doubt about its doubt. */
Test(failure, says_of_an_unknown_outcome_whether_it_is_one)
{
	for (int in_doubt = 0; in_doubt <= 1; in_doubt++) {
		const struct hm_error error = { .code = HM_UNKNOWN, .maybe_processed = in_doubt };
		struct hm_failure failure;
		struct hm_error heard;
		uint8_t bytes[64];

		hm_failure_init(&failure, HM_UNKNOWN, &error);
		(void)hm_failure_read(HM_UNKNOWN, bytes, protobuf_c_message_pack(&failure.status.base, bytes), &heard);
		cr_expect_eq(heard.maybe_processed, in_doubt);
	}
}
