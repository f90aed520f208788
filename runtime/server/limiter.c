/* Limiter: windows of samples, and what follows from each. */
#include "server/limiter.h"

static const struct {
	int64_t window_us; /* a window lasts at least so long */
	uint32_t window_samples; /* and has at least so many */
	double tolerance; /* so much longer than unhurried a call may take */
	double gradient_min; /* no window takes more of the limit */
	double headroom; /* what may wait for others inside, so that the limit can grow */
	double smoothing; /* the part of a new limit that counts at once */
	double learning_faster; /* the part of a window's latency that counts, if calls have become faster */
	double learning_slower; /* and if they have become slower */
	uint32_t probe_windows; /* so many busy windows, then one at half the limit */
} numbers = {
	.window_us = 100000,
	.window_samples = 10,
	.tolerance = 1.5,
	.gradient_min = 0.5,
	.headroom = 2,
	.smoothing = 0.2,
	.learning_faster = 0.5,
	.learning_slower = 0.1,
	.probe_windows = 50,
};

static double clamp(double value, double min, double max)
{
	return value < min ? min : value > max ? max : value;
}

void hm_limiter_init(struct hm_limiter *limiter, uint32_t min, uint32_t max)
{
	*limiter = (struct hm_limiter){ .min = min < max ? min : max, .max = max, .limit = max };
}

uint32_t hm_limiter_get(const struct hm_limiter *limiter)
{
	double limit = limiter->is_probe ? clamp(limiter->limit / 2, limiter->min, limiter->max) : limiter->limit;

	return limit < 1 ? 1 : (uint32_t)limit;
}

/* That calls can be faster, one window shows. That they have become slower has to last, and a busy window is not believed: there
 * they are in each other's way. */
static void learn(struct hm_limiter *limiter, double latency_us, bool is_busy)
{
	const double change_us = latency_us - limiter->unhurried_us;

	if (!limiter->unhurried_us || limiter->is_probe)
		limiter->unhurried_us = latency_us;
	else if (change_us < 0)
		limiter->unhurried_us += numbers.learning_faster * change_us;
	else if (!is_busy)
		limiter->unhurried_us += numbers.learning_slower * change_us;
}

/* A window in which little ran says nothing against the limit. Nor does a probe: that one asks how fast calls can be. */
static void adjust(struct hm_limiter *limiter, double latency_us)
{
	double gradient = numbers.tolerance * limiter->unhurried_us / latency_us;
	double limit = limiter->limit * clamp(gradient, numbers.gradient_min, 1) + numbers.headroom;

	limit = limiter->limit + numbers.smoothing * (limit - limiter->limit);
	limiter->limit = clamp(limit, limiter->min, limiter->max);
}

static void end_window(struct hm_limiter *limiter)
{
	const double latency_us = (double)limiter->sum_us / limiter->samples;
	const bool is_busy = limiter->busiest * 2 >= hm_limiter_get(limiter);

	if (!limiter->is_warm) { /* connections are made, statements prepared: once */
		limiter->is_warm = true;
		return;
	}
	learn(limiter, latency_us, is_busy);
	if (is_busy && !limiter->is_probe)
		adjust(limiter, latency_us);
	limiter->busy_windows = is_busy && !limiter->is_probe ? limiter->busy_windows + 1 : 0;
	limiter->is_probe = limiter->busy_windows >= numbers.probe_windows;
}

static void begin_window(struct hm_limiter *limiter, int64_t now_us)
{
	limiter->began_us = now_us;
	limiter->sum_us = 0;
	limiter->samples = limiter->busiest = 0;
}

void hm_limiter_feed(struct hm_limiter *limiter, int64_t now_us, int64_t latency_us, uint32_t in_flight,
		     enum hm_outcome outcome)
{
	if (limiter->min == limiter->max || outcome == HM_OUTCOME_NONE)
		return;
	if (outcome == HM_OUTCOME_LATE && latency_us < limiter->unhurried_us)
		return; /* its caller had no patience */
	if (!limiter->began_us)
		begin_window(limiter, now_us);
	if (now_us - latency_us < limiter->began_us && limiter->is_probe)
		return; /* it began among more than the probe allows */
	limiter->sum_us += latency_us > 0 ? latency_us : 1;
	limiter->samples++;
	if (in_flight > limiter->busiest)
		limiter->busiest = in_flight;
	if (now_us - limiter->began_us < numbers.window_us || limiter->samples < numbers.window_samples)
		return;
	end_window(limiter);
	begin_window(limiter, now_us);
}
