/* Service names: one rule, asked wherever a name enters the store. */
#include "store/service_name.h"

#include <string.h>

hm_status hm_service_name_check(const char *service)
{
	size_t length = strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (service[length] || length == 0 || length > HM_SERVICE_NAME_MAX || *service < 'a' ||
	    !strncmp(service, "pg_", 3))
		return hm_raise(INVALID_ARGUMENT,
				"\"%.60s\" cannot be a service: a-z, 0-9 and _, at most %d, a letter first", service,
				HM_SERVICE_NAME_MAX);
	return HM_OK;
}
