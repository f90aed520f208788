/* @Name@: every method so far is one statement of queries.sql, so there is no C to write but this. */
#include "@name@/v1/@name@.hm.h"

const struct hm_service @name@_service = @NAME@_SERVICE();
