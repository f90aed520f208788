/* Fakes, as a test uses them: of the echo contract, which has every kind of method. */
#include "echo/v1/echo.fake.h"
#include "tests/fixture.h"

static struct echo_fake *fake;
static struct hm_channel *channel;
static struct hm_context *context;

static void open_fake(void)
{
	must(echo_fake_open(&fake));
	must(hm_channel_open("echo", &channel));
	must(hm_context_open("loop", NULL, &context));
}

static void close_fake(void)
{
	hm_channel_close(channel);
	hm_context_close(context);
	echo_fake_close(fake);
}

TestSuite(fake, .init = open_fake, .fini = close_fake, .timeout = 60);

#define SAY(words) (&(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = words })

static hm_status ask(const char *words, Echo__EchoMessage **ret_reply)
{
	return echo_echo(channel, context, SAY(words), ret_reply);
}

Test(fake, says_which_method_was_given_no_answer)
{
	Echo__EchoMessage *reply;

	refuses(UNIMPLEMENTED, ask("hello", &reply));
	cr_assert(strstr(hm_error_get()->message, "echo.v1.Echo/Echo"), "%s", hm_error_get()->message);
}

Test(fake, answers_what_it_was_told_again_and_again_and_then_otherwise)
{
	Echo__EchoMessage *reply;

	echo_fake_echo_replies(fake, SAY("one"));
	for (int i = 0; i < 2; i++) {
		must(ask("hello", &reply));
		cr_assert_str_eq(reply->text, "one");
	}
	echo_fake_echo_replies(fake, SAY("two"));
	must(ask("hello", &reply));
	cr_assert_str_eq(reply->text, "two");
	echo_fake_echo_fails(fake, HM_NOT_FOUND, "no such echo");
	refuses(NOT_FOUND, ask("hello", &reply));
	cr_assert_str_eq(hm_error_get()->message, "no such echo");
}

Test(fake, notes_the_calls_and_what_they_asked)
{
	Echo__EchoMessage *reply;

	cr_assert_null(echo_fake_echo_request(fake));
	echo_fake_echo_replies(fake, SAY("one"));
	must(ask("first", &reply));
	must(ask("second", &reply));
	cr_assert_eq(echo_fake_echo_calls(fake), 2);
	cr_assert_str_eq(echo_fake_echo_request(fake)->text, "second");
	cr_assert_eq(echo_fake_sleep_calls(fake), 0);
}

static hm_status shout(struct hm_call *call, const Echo__EchoMessage *request, Echo__EchoMessage *reply)
{
	if (!request->text)
		return hm_fail(call, INVALID_ARGUMENT, "nothing to shout");
	reply->text = hm_arena_printf(hm_call_arena(call), "%s!", request->text);
	return HM_OK;
}

Test(fake, does_what_a_handler_does_before_what_it_was_told)
{
	Echo__EchoMessage *reply;

	echo_fake_echo_replies(fake, SAY("one"));
	fake->on.echo = shout;
	must(ask("hello", &reply));
	cr_assert_str_eq(reply->text, "hello!");
	refuses(INVALID_ARGUMENT, ask(NULL, &reply));
	cr_assert_eq(echo_fake_echo_calls(fake), 2);
}

Test(fake, refuses_what_the_contract_would)
{
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	echo_fake_count_replies(fake, SAY("one"));
	must(echo_count(channel, context, &(Echo__CountRequest){ ECHO_COUNT_REQUEST_BASE, HM_SET(code, 17) }, &stream));
	refuses(INVALID_ARGUMENT, echo_count_next(stream, &message));
}

Test(fake, streams_what_it_was_told_and_then_fails_if_it_was_told_so)
{
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	echo_fake_count_replies(fake, SAY("one"));
	echo_fake_count_replies(fake, SAY("two"));
	echo_fake_count_fails(fake, HM_DATA_LOSS, "the tape is torn");
	must(echo_count(channel, context, &(Echo__CountRequest){ ECHO_COUNT_REQUEST_BASE, HM_SET(count, 5) }, &stream));
	must(echo_count_next(stream, &message));
	cr_assert_str_eq(message->text, "one");
	must(echo_count_next(stream, &message));
	cr_assert_str_eq(message->text, "two");
	refuses(DATA_LOSS, echo_count_next(stream, &message));
	cr_assert_eq(echo_fake_count_request(fake)->count, 5);
}

Test(fake, can_stream_nothing)
{
	SCOPED(echo_linger) stream = NULL;
	Echo__EchoMessage *message;

	echo_fake_linger_replies(fake, NULL);
	must(echo_linger(channel, context, &(Echo__LingerRequest){ ECHO_LINGER_REQUEST_BASE }, &stream));
	must(echo_linger_next(stream, &message));
	cr_assert_null(message);
}

Test(fake, reads_a_stream_of_requests_to_its_end)
{
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply;

	echo_fake_gather_replies(fake, &(Echo__GatherReply){ ECHO_GATHER_REPLY_BASE, HM_SET(messages, 7) });
	must(echo_gather(channel, context, &stream));
	must(echo_gather_send(stream, SAY("first")));
	must(echo_gather_send(stream, SAY("last")));
	must(echo_gather_finish(stream, &reply));
	cr_assert_eq(reply->messages, 7);
	cr_assert_str_eq(echo_fake_gather_request(fake)->text, "last");
	cr_assert_eq(echo_fake_gather_calls(fake), 1);
}

static hm_status parrot(struct hm_call *call)
{
	Echo__EchoMessage *message;

	for (;;) {
		TRY(echo_chat_read(call, &message));
		if (!message)
			return HM_OK;
		TRY(echo_chat_write(call, message));
	}
}

Test(fake, chats_by_itself_or_by_a_handler)
{
	SCOPED(echo_chat) told = NULL;
	SCOPED(echo_chat) handled = NULL;
	Echo__EchoMessage *message;

	echo_fake_chat_replies(fake, SAY("as told"));
	must(echo_chat(channel, context, &told));
	must(echo_chat_send(told, SAY("hello")));
	must(echo_chat_end(told));
	must(echo_chat_next(told, &message));
	cr_assert_str_eq(message->text, "as told");
	must(echo_chat_next(told, &message));
	cr_assert_null(message);

	fake->on.chat = parrot;
	must(echo_chat(channel, context, &handled));
	must(echo_chat_send(handled, SAY("polly")));
	must(echo_chat_next(handled, &message));
	cr_assert_str_eq(message->text, "polly");
}

Test(fake, stands_alone_under_its_name_and_can_be_followed_by_another)
{
	struct echo_fake *second;
	Echo__EchoMessage *reply;

	cr_assert_neq(echo_fake_open(&second), HM_OK);
	echo_fake_close(fake);
	must(echo_fake_open(&fake));
	echo_fake_echo_replies(fake, SAY("the second"));
	hm_context_set_wait_for_ready(context, true);
	must(ask("hello", &reply));
	cr_assert_str_eq(reply->text, "the second");
}
