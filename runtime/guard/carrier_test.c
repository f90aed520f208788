/* Carriers: over the contracts of the chain front → middle → notes → echo. */
#include <criterion/criterion.h>

#include "echo/v1/echo.hm.h"
#include "front/v1/front.hm.h"
#include "guard/carrier.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"

static const struct hm_service_table *const known[] = { &echo_table, &front_table, &middle_table, &notes_table, NULL };

Test(carrier, is_the_service_itself_and_whoever_it_calls_over_others_too)
{
	cr_expect(hm_may_carry(known, "middle", "middle"));
	cr_expect(hm_may_carry(known, "middle", "notes"));
	cr_expect(hm_may_carry(known, "middle", "echo"));
	cr_expect_not(hm_may_carry(known, "middle", "front"));
	cr_expect_not(hm_may_carry(known, "echo", "middle"));
}

Test(carrier, of_a_service_that_nobody_knows_is_that_service_alone)
{
	cr_expect(hm_may_carry(known, "stranger", "stranger"));
	cr_expect_not(hm_may_carry(known, "stranger", "echo"));
	cr_expect_not(hm_may_carry(NULL, "middle", "notes"));
}
