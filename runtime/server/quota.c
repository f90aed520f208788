/* Quota: one word, moved by whoever takes a token. */
#include "server/quota.h"

#include <stddef.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

void hm_quota_set(struct hm_quota *quota, uint32_t calls_per_s)
{
	if (calls_per_s > HM_QUOTA_RATE_MAX)
		calls_per_s = HM_QUOTA_RATE_MAX;
	atomic_store(&quota->interval_ns, calls_per_s ? NS_PER_S / calls_per_s : 0);
}

uint32_t hm_quota_get(const struct hm_quota *quota)
{
	const int64_t interval_ns = atomic_load(&quota->interval_ns);

	return interval_ns ? (uint32_t)(NS_PER_S / interval_ns) : 0;
}

bool hm_quota_take(struct hm_quota *quota, int64_t now_us, uint32_t *ret_wait_ms)
{
	const int64_t interval_ns = atomic_load_explicit(&quota->interval_ns, memory_order_relaxed);
	const int64_t now_ns = now_us * NS_PER_US;
	int64_t full_ns, next_ns;

	if (!interval_ns)
		return true;
	full_ns = atomic_load_explicit(&quota->full_ns, memory_order_relaxed);
	do {
		next_ns = (full_ns > now_ns ? full_ns : now_ns) + interval_ns;
		if (next_ns - now_ns > NS_PER_S) {
			if (ret_wait_ms)
				*ret_wait_ms = (uint32_t)((next_ns - now_ns - NS_PER_S) / NS_PER_MS + 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&quota->full_ns, &full_ns, next_ns));
	return true;
}
