/* Store: opening and closing. */
#include "store/store.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "store/cancel.h"
#include "store/error.h"
#include "store/service_name.h"
#include "store/tx.h"

enum { CONNECTIONS_DEFAULT = 16 };

static const char *const role_names[HM_ROLE_COUNT] = { [HM_ROLE_APP] = "app", [HM_ROLE_SYSTEM] = "system" };

static char *copy_text(const char *format, const char *a, const char *b)
{
	struct hm_buffer text = { 0 };

	hm_buffer_printf(&text, format, a, b);
	return text.data;
}

hm_status hm_store_open(const struct hm_store_config *config, struct hm_store **ret_store)
{
	unsigned n_max = config->connections_max ? config->connections_max : CONNECTIONS_DEFAULT;
	struct hm_store *store;

	TRY(hm_service_name_check(config->service));
	store = calloc(1, sizeof *store);
	if (!store)
		abort();
	store->service = copy_text("%s%s", config->service, "");
	store->dsn = copy_text("%s%s", config->dsn, "");
	registry_init(&store->registry);
	pthread_mutex_init(&store->constraints_lock, NULL);
	for (int role = 0; role < HM_ROLE_COUNT; role++) {
		store->user[role] = copy_text("%s_%s", config->service, role_names[role]);
		pool_init(&store->pools[role], n_max);
	}
	*ret_store = store;
	return HM_OK;
}

static void free_constraints(struct constraint *constraint)
{
	while (constraint) {
		struct constraint *next = constraint->next;

		free(constraint->table);
		free(constraint->name);
		free(constraint->columns);
		free(constraint);
		constraint = next;
	}
}

void hm_store_close(struct hm_store *store)
{
	if (!store)
		return;
	canceller_wait(store);
	for (int role = 0; role < HM_ROLE_COUNT; role++) {
		pool_fini(&store->pools[role]);
		free(store->user[role]);
	}
	registry_fini(&store->registry);
	free_constraints(store->constraints);
	pthread_mutex_destroy(&store->constraints_lock);
	free(store->service);
	free(store->dsn);
	free(store);
}
