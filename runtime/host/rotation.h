/*
 * Rotation: keys come and go while a process runs. Twice a second or more it reads the folder of public keys again, so that a new one is
 * believed and a removed one is not within a second, and signs with a service's new key (hm_service.signing_key) once its public half is
 * there. Keys of a connection's proofs (service-<name>) are read at the start alone. (host's own header)
 */
#pragma once
#include "guard/guard.h"

struct hm_rotation;

/* hm_rotation_open begins to look; ring, guard and services outlive it. */
hm_status hm_rotation_open(const char *keys, struct hm_keyring *ring, struct hm_guard *guard,
			   const struct hm_guarded *services, size_t n_services, struct hm_rotation **ret_rotation);

/* hm_rotation_stop ends the looking, before the guard closes; close frees the keys, after. NULL is fine. */
void hm_rotation_stop(struct hm_rotation *rotation);
void hm_rotation_close(struct hm_rotation *rotation);
