/* Permissions: exact names, and wildcards at their end. */
#include "guard/permission.h"

#include <string.h>

static bool covers(const char *granted, const char *wanted)
{
	size_t length = strlen(granted);

	if (length && granted[length - 1] == '*')
		return !strncmp(granted, wanted, length - 1);
	return !strcmp(granted, wanted);
}

bool hm_permissions_cover(const char *const *granted, const char *wanted)
{
	for (; *granted; granted++)
		if (covers(*granted, wanted))
			return true;
	return false;
}
