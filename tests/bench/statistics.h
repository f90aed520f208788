/* Statistics: what becomes of the rounds of one measurement. */
#pragma once
#include <stddef.h>

enum { ROUNDS_MAX = 31 };

/* A median and how far the rounds lay apart. */
struct spread {
	double median, min, max;
};

/* spread_of takes n values (1 to ROUNDS_MAX), in any order. */
struct spread spread_of(const double *values, size_t n);

/* spread_of_ratios takes the rounds of two sides that were measured in turns: the median is the ratio of both sides' medians,
 * min and max are the extremes of the rounds' own ratios. */
struct spread spread_of_ratios(const double *ours, const double *theirs, size_t n);
