/*
 * Fuzzes what is read out of PostgreSQL's binary results: the first byte chooses a column's type, the second the field it
 * goes to, the rest is the value. Whatever is accepted must be a message that packs.
 */
#include <stdlib.h>
#include <string.h>

#include "store/bind.h"
#include "storetest/rows.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned types[] = { 25,  2950, 20,   23,   21,   16,   1184, 3802, 114,  17,   1082,
				  701, 700,  1009, 1016, 2951, 1185, 1007, 1001, 1700, 5069, 1231 };

static PGresult *make_result(unsigned type, const char *field, const uint8_t *bytes, size_t size)
{
	char name[64], *value = malloc(size + 1);
	PGresAttDesc column = { .name = name, .format = 1, .typid = type };
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	strncpy(name, field, sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memcpy(value, bytes, size);
	if (!PQsetResultAttrs(result, 1, &column) || !PQsetvalue(result, 0, 0, value, (int)size))
		abort();
	free(value);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hm_query query = { .name = "fuzz", .sql = "", .rows = HM_ROWS_ONE, .file = "fuzz" };
	const ProtobufCMessageDescriptor *descriptor = &storetest__row__descriptor;
	struct hm_arena arena = { 0 };
	Storetest__Row row = STORETEST__ROW__INIT;
	PGresult *result;

	if (size < 2)
		return 0;
	result = make_result(types[data[0] % (sizeof types / sizeof *types)],
			     descriptor->fields[data[1] % descriptor->n_fields].name, data + 2, size - 2);
	if (bind_result(&arena, &query, result, 0, &row.base) == HM_OK) {
		uint8_t *packed = malloc(storetest__row__get_packed_size(&row) + 1);

		storetest__row__pack(&row, packed);
		free(packed);
	}
	PQclear(result);
	hm_arena_fini(&arena);
	return 0;
}
