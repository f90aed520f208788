/* Statistics: medians, because one disturbed round must not move a result. */
#include "tests/bench/statistics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

struct spread spread_of(const double *values, size_t n)
{
	double sorted[ROUNDS_MAX];

	assert(n > 0 && n <= ROUNDS_MAX);
	memcpy(sorted, values, n * sizeof *values);
	qsort(sorted, n, sizeof *sorted, compare);
	return (struct spread){
		.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
		.min = sorted[0],
		.max = sorted[n - 1],
	};
}

struct spread spread_of_ratios(const double *ours, const double *theirs, size_t n)
{
	double ratios[ROUNDS_MAX];
	struct spread spread;

	assert(n > 0 && n <= ROUNDS_MAX);
	for (size_t i = 0; i < n; i++)
		ratios[i] = ours[i] / theirs[i];
	spread = spread_of(ratios, n);
	spread.median = spread_of(ours, n).median / spread_of(theirs, n).median;
	return spread;
}
