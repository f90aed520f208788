/* Store, what it publishes of itself: its pools. */
#include "base/clock.h"
#include "base/exposition.h"
#include "store/pool.h"

static const char *const roles[HM_ROLE_COUNT] = { [HM_ROLE_APP] = "app", [HM_ROLE_SYSTEM] = "system" };

static const struct hm_metric connections = { "hallmark_database_connections", HM_GAUGE,
					      "Connections to the database, by state." };
static const struct hm_metric limit = { "hallmark_database_connections_limit", HM_GAUGE,
					"Connections to the database there may be." };
static const struct hm_metric waiting = { "hallmark_database_waiting", HM_GAUGE,
					  "Transactions that wait for a connection." };
static const struct hm_metric waits = { "hallmark_database_waits_total", HM_COUNTER,
					"Transactions that had to wait for a connection." };
static const struct hm_metric waited = { "hallmark_database_wait_seconds_total", HM_COUNTER,
					 "How long those waited, all together." };

static void collect_role(struct hm_store *store, enum hm_role role, struct hm_exposition *exposition)
{
	const struct hm_label labels[] = { { "service", store->service }, { "role", roles[role] }, { 0 } };
	const struct hm_label used[] = { labels[0], labels[1], { "state", "used" }, { 0 } };
	const struct hm_label idle[] = { labels[0], labels[1], { "state", "idle" }, { 0 } };
	struct hm_pool_counts counts;

	hm_store_pool_stats(store, role, &counts);
	hm_exposition_add(exposition, &connections, counts.used, used);
	hm_exposition_add(exposition, &connections, counts.idle, idle);
	hm_exposition_add(exposition, &limit, counts.max, labels);
	hm_exposition_add(exposition, &waiting, counts.waiting, labels);
	hm_exposition_add(exposition, &waits, (double)counts.waits, labels);
	hm_exposition_add(exposition, &waited, (double)counts.waited_us / HM_US_PER_S, labels);
}

void hm_store_collect(void *user, struct hm_exposition *exposition)
{
	for (enum hm_role role = 0; role < HM_ROLE_COUNT; role++)
		collect_role(user, role, exposition);
}
