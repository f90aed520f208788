/* The services that exist for tests alone. */
#include "tests/services.h"

#include "echo/v1/echo.hm.h"
#include "front/v1/front.hm.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"

const struct hm_service *const test_services[] = { &echo_service, &notes_service, &front_service, &middle_service,
						   NULL };
