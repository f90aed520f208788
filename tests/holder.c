/* Holder: keys and ring are the test process's, and go with it. */
#include "tests/holder.h"

#include <stdio.h>

#include "tests/fixture.h"

enum { HOLDERS = 8 };

static struct hm_keyring *find_ring(void)
{
	static struct hm_keyring *ring;

	if (!ring)
		must(hm_keyring_open(test_keys_folder(), &ring));
	return ring;
}

const struct hm_identity *test_holder(const char *service)
{
	static struct hm_identity holders[HOLDERS];
	static const struct hm_secret_key *held[HOLDERS];
	static size_t count;
	struct hm_secret_key *key;
	char name[HM_KEY_NAME_BYTES];
	size_t i = count++;

	cr_assert(i < HOLDERS);
	holders[i] = (struct hm_identity){ .ring = find_ring() };
	if (!service)
		return &holders[i];
	snprintf(name, sizeof name, "service-%s", service);
	must(hm_secret_key_open(test_keys_folder(), name, &key));
	held[i] = key;
	holders[i].keys = &held[i];
	holders[i].n_keys = 1;
	return &holders[i];
}
