/*
 * Place: where an ipc socket lies in the file system. A listener binds to a name of its own beside it and is then moved into place in
 * one step, so that a new process can take the place of one that still serves: whoever connects reaches one of them at any moment.
 *
 *     hm_place_init → listen at place.own → hm_place_take → … → hm_place_leave, before the listener is closed
 *
 * Processes that come and go at the same place do so one after the other, by a lock on its folder. (net's own header)
 */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { HM_PLACE_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

struct hm_place {
	char path[HM_PLACE_BYTES], own[HM_PLACE_BYTES];
	dev_t device;
	ino_t inode; /* of the socket that was put there; 0: none */
};

/* hm_place_init: false if the path is too long for a socket. */
bool hm_place_init(struct hm_place *place, const char *path);

/* hm_place_take moves the socket from its own name to the place: 0, or errno's number. EADDRINUSE: somebody listens there and is not
 * to be taken over, or it is no socket. What a process left behind that is gone is replaced. */
int hm_place_take(struct hm_place *place, bool takes_over);

/* hm_place_leave removes the socket, unless another has been put there since. */
void hm_place_leave(struct hm_place *place);
