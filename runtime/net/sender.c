/* Sender: one aio with no callback and no patience. */
#include "net/sender.h"

#include <stdlib.h>

#include "net/error.h"
#include "net/sender_nng.h"

hm_status hm_sender_init(struct hm_sender *sender, nng_socket socket, uint32_t pipe)
{
	int number;

	*sender = (struct hm_sender){ .socket = socket, .pipe = pipe };
	number = nng_aio_alloc(&sender->aio, NULL, NULL);
	if (number)
		return hm_from_nng(number, "nng", "make a sender", false);
	nng_aio_set_timeout(sender->aio, NNG_DURATION_ZERO);
	return HM_OK;
}

void hm_sender_fini(struct hm_sender *sender)
{
	if (sender->message)
		nng_msg_free(sender->message);
	if (sender->aio)
		nng_aio_reap(sender->aio); /* idle, but the last to let go of a peer may be a callback */
	*sender = (struct hm_sender){ 0 };
}

void *hm_sender_reserve(struct hm_sender *sender, size_t bytes)
{
	if (nng_msg_alloc(&sender->message, bytes) ||
	    (sender->pipe && nng_msg_header_append_u32(sender->message, sender->pipe)) ||
	    nng_msg_header_append_u32(sender->message, HM_REQUEST_ID))
		abort();
	return nng_msg_body(sender->message);
}

bool hm_sender_send(struct hm_sender *sender)
{
	nng_msg *message = sender->message;

	sender->message = NULL;
	return hm_sender_post(sender, message);
}

/* Ends a patient send: the aio frees itself, as a callback may not wait for it. */
static void patient_done(void *user)
{
	nng_aio *aio = *(nng_aio **)user;

	if (nng_aio_result(aio))
		nng_msg_free(nng_aio_get_msg(aio));
	free(user);
	nng_aio_reap(aio);
}

/* A server's queue is shared by all its peers and emptied by nng whatever they do: when a burst has filled it, waiting is safe.
 * Later packets of the same peer find it full too and wait behind. */
static bool post_patiently(struct hm_sender *sender, nng_msg *message)
{
	nng_aio **aio = malloc(sizeof *aio);

	if (!aio || nng_aio_alloc(aio, patient_done, aio))
		abort();
	nng_aio_set_msg(*aio, message);
	nng_send_aio(sender->socket, *aio);
	return true;
}

bool hm_sender_post(struct hm_sender *sender, nng_msg *message)
{
	int number;

	nng_aio_set_msg(sender->aio, message);
	nng_send_aio(sender->socket, sender->aio);
	number = nng_aio_result(sender->aio);
	if (number == NNG_ETIMEDOUT && sender->pipe)
		return post_patiently(sender, message);
	if (number)
		nng_msg_free(message);
	return !number;
}

void hm_sender_goodbye(struct hm_sender *sender)
{
	hm_sender_reserve(sender, 0);
	hm_sender_send(sender);
}
