/* @Name@: what it promises, on a real database. Brands, permissions and audit entries are the conformance test's.
 * For a service that this one calls there is a fake (NAME/v1/NAME.fake.h): docs/testing.md. */
#include "@name@/v1/@name@.hm.h"
#include "tests/fixture.h"

Test(@name@, an_item_that_was_created_can_be_read)
{
	struct fixture f = fixture_serving(&@name@_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	@Name@__Item *made, *read;

	must(@name@_create_item(f.channel, ana,
				&(@Name@__CreateItemRequest){ @NAME@_CREATE_ITEM_REQUEST_BASE, .title = "first" }, &made));
	must(@name@_get_item(f.channel, ana, &(@Name@__GetItemRequest){ @NAME@_GET_ITEM_REQUEST_BASE, .id = made->id },
			     &read));
	cr_assert_str_eq(read->title, "first");
}

Test(@name@, an_item_nobody_made_is_not_found)
{
	struct fixture f = fixture_serving(&@name@_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	@Name@__Item *read;

	refuses(NOT_FOUND, @name@_get_item(f.channel, ana,
					   &(@Name@__GetItemRequest){ @NAME@_GET_ITEM_REQUEST_BASE,
								      .id = "00000000-0000-7000-8000-000000000000" },
					   &read));
}
