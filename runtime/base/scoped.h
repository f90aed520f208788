/*
 * Scope-bound ownership: SCOPED(hm_channel) channel = NULL; closes the channel when the block is left,
 * take(&channel) gives it away. A type joins with HM_SCOPED(hm_channel, hm_channel_close) after its close.
 */
#pragma once

#define SCOPED(type) __attribute__((cleanup(type##_scoped))) struct type *

#define HM_SCOPED(type, close_function)                               \
	static inline void type##_scoped(struct type *const *pointer) \
	{                                                             \
		close_function(*pointer);                             \
	}

/* take moves what *pointer owns to the caller and leaves NULL behind. */
#define take(pointer)                                       \
	({                                                  \
		__typeof__(*(pointer)) taken_ = *(pointer); \
		*(pointer) = NULL;                          \
		taken_;                                     \
	})
