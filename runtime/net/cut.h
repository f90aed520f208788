/*
 * Cut: disconnecting a peer that may be sending. (net's own header)
 *
 * nng 1.5.2 must not be told to close a pipe while a packet arrives on it: between the end of one read and the start of the next
 * its receive is lost (nni_aio_begin on a stopped aio neither starts nor completes it), and the thread that frees all pipes of the
 * process waits for it for ever. So pipes end from within: one end says goodbye, an empty packet, and is silent from then on; the
 * other then closes, with nothing arriving, and the first reads the end of the stream, which nng handles well. A peer that cannot
 * be trusted with a goodbye has its socket shut down behind nng's back, which nng sees as the same end of the stream.
 */
#pragma once
#include <nng/nng.h>

/* hm_cut disconnects a peer whatever it does. Over ipc, where sockets have no names, all connections of the peer's process to the
 * same endpoint go with it. */
void hm_cut(nng_pipe pipe);

/* hm_cut_after_goodbye does it for one that promised silence: rigorously over tcp, trusting what may open an ipc socket. */
void hm_cut_after_goodbye(nng_pipe pipe);
