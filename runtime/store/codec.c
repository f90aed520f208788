/*
 * Codecs: PostgreSQL's binary formats, by type OID (stable numbers of catalog/pg_type.dat). Everything is big-endian;
 * times count microseconds, dates days, both from 2000-01-01.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "store/value.h"

enum { DAYS_1970_TO_2000 = 10957, S_PER_DAY = 86400, JSONB_VERSION = 1, LITERAL_BYTES = 64 };

static const int64_t us_1970_to_2000 = (int64_t)DAYS_1970_TO_2000 * S_PER_DAY * HM_US_PER_S;

/* The years a Timestamp has, 0001 to 9999, from 2000 on. PostgreSQL's go on to 294276, then to infinity. */
static const int64_t earliest_us = -63082281600000000, latest_us = 252455615999999999;

static enum fit give(struct hm_arena *arena, uint64_t number, size_t width, struct value *ret_bytes)
{
	char *out = hm_arena_alloc(arena, width);

	put_big(out, number, width);
	*ret_bytes = (struct value){ .kind = VALUE_BYTES, .data = out, .size = width };
	return FIT_OK;
}

/* Builtins come as text, NUL-terminated like every C string they were made from. */
static bool parse_integer(const struct value *value, int64_t *ret_number)
{
	char *end;

	*ret_number = strtoll(value->data, &end, 10);
	return value->size && end == value->data + value->size;
}

static enum fit encode_integer(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			       struct value *ret_bytes)
{
	const int64_t most = (int64_t)(UINT64_MAX >> (65 - 8 * codec->width));
	int64_t number = value->integer;

	if (value->literal && !parse_integer(value, &number))
		return FIT_SYNTAX;
	if (!value->literal && value->kind != VALUE_INTEGER && value->kind != VALUE_ENUM)
		return FIT_TYPE;
	if (number > most || number < -most - 1)
		return FIT_RANGE;
	return give(arena, (uint64_t)number, codec->width, ret_bytes);
}

static enum fit decode_integer(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			       struct value *ret_value)
{
	const unsigned shift = 64 - 8U * codec->width;

	(void)arena;
	if (size != codec->width)
		return FIT_SYNTAX;
	*ret_value =
		(struct value){ .kind = VALUE_INTEGER, .integer = (int64_t)(get_big(bytes, size) << shift) >> shift };
	return FIT_OK;
}

static enum fit encode_bool(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			    struct value *ret_bytes)
{
	if (value->literal)
		return give(arena, !strcmp(value->data, "true"), codec->width, ret_bytes);
	if (value->kind != VALUE_BOOL)
		return FIT_TYPE;
	return give(arena, (uint64_t)value->integer, codec->width, ret_bytes);
}

static enum fit decode_bool(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			    struct value *ret_value)
{
	(void)arena;
	if (size != codec->width)
		return FIT_SYNTAX;
	*ret_value = (struct value){ .kind = VALUE_BOOL, .integer = *bytes != 0 };
	return FIT_OK;
}

static enum fit encode_number(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			      struct value *ret_bytes)
{
	double number = value->literal ? strtod(value->data, NULL) : value->number;
	float single = (float)number;
	uint64_t bits = 0;
	uint32_t single_bits;

	if (!value->literal && value->kind != VALUE_NUMBER)
		return FIT_TYPE;
	memcpy(&bits, &number, sizeof bits);
	memcpy(&single_bits, &single, sizeof single_bits);
	return give(arena, codec->width == sizeof single ? single_bits : bits, codec->width, ret_bytes);
}

static enum fit decode_number(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			      struct value *ret_value)
{
	uint64_t bits = get_big(bytes, size == codec->width ? size : 0);
	uint32_t single_bits = (uint32_t)bits;
	double number;
	float single;

	(void)arena;
	if (size != codec->width)
		return FIT_SYNTAX;
	memcpy(&number, &bits, sizeof number);
	memcpy(&single, &single_bits, sizeof single);
	*ret_value = (struct value){ .kind = VALUE_NUMBER,
				     .number = codec->width == sizeof single ? (double)single : number };
	return FIT_OK;
}

static enum fit encode_text(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			    struct value *ret_bytes)
{
	(void)codec;
	(void)arena;
	if (value->kind != VALUE_TEXT && value->kind != VALUE_ENUM)
		return FIT_TYPE;
	if (hm_utf8_span(value->data, value->size) != value->size)
		return FIT_UTF8;
	*ret_bytes = (struct value){ .kind = VALUE_BYTES, .data = value->data, .size = value->size };
	return FIT_OK;
}

static enum fit decode_text(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			    struct value *ret_value)
{
	(void)codec;
	(void)arena;
	*ret_value = (struct value){ .kind = VALUE_TEXT, .data = bytes, .size = size };
	return FIT_OK;
}

static enum fit encode_jsonb(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			     struct value *ret_bytes)
{
	enum fit fit = encode_text(codec, arena, value, ret_bytes);
	char *out;

	if (fit != FIT_OK)
		return fit;
	out = hm_arena_alloc(arena, value->size + 1);
	out[0] = JSONB_VERSION;
	memcpy(out + 1, value->data, value->size);
	*ret_bytes = (struct value){ .kind = VALUE_BYTES, .data = out, .size = value->size + 1 };
	return FIT_OK;
}

static enum fit decode_jsonb(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			     struct value *ret_value)
{
	if (size < 1 || bytes[0] != JSONB_VERSION)
		return FIT_SYNTAX;
	return decode_text(codec, arena, bytes + 1, size - 1, ret_value);
}

static enum fit encode_bytes(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			     struct value *ret_bytes)
{
	(void)codec;
	(void)arena;
	if (value->kind != VALUE_BYTES)
		return FIT_TYPE;
	*ret_bytes = *value;
	return FIT_OK;
}

static enum fit decode_bytes(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			     struct value *ret_value)
{
	(void)codec;
	(void)arena;
	*ret_value = (struct value){ .kind = VALUE_BYTES, .data = bytes, .size = size };
	return FIT_OK;
}

/* Copies a short text out, NUL-terminated; false if it is not text or too long to be any of the fixed forms. */
static bool short_text(const struct value *value, char ret_text[LITERAL_BYTES])
{
	if (value->kind != VALUE_TEXT || value->size >= LITERAL_BYTES)
		return false;
	memcpy(ret_text, value->data, value->size);
	ret_text[value->size] = '\0';
	return true;
}

static enum fit encode_uuid(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			    struct value *ret_bytes)
{
	char text[LITERAL_BYTES];
	struct hm_id id;

	if (value->kind != VALUE_TEXT)
		return FIT_TYPE;
	if (!short_text(value, text) || !hm_id_parse(text, &id))
		return FIT_SYNTAX;
	*ret_bytes = (struct value){ .kind = VALUE_BYTES,
				     .data = hm_arena_dup(arena, id.bytes, codec->width),
				     .size = codec->width };
	return FIT_OK;
}

static enum fit decode_uuid(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			    struct value *ret_value)
{
	char *text = hm_arena_alloc(arena, HM_ID_TEXT_BYTES);
	struct hm_id id;

	if (size != codec->width)
		return FIT_SYNTAX;
	memcpy(id.bytes, bytes, sizeof id.bytes);
	hm_id_format(&id, text);
	*ret_value = (struct value){ .kind = VALUE_TEXT, .data = text, .size = HM_ID_TEXT_BYTES - 1 };
	return FIT_OK;
}

static enum fit encode_time(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			    struct value *ret_bytes)
{
	int64_t us = value->integer;

	if (value->kind == VALUE_TEXT && !hm_time_parse(value->data, value->size, &us))
		return FIT_SYNTAX;
	if (value->kind != VALUE_TEXT && value->kind != VALUE_TIME)
		return FIT_TYPE;
	return give(arena, (uint64_t)(us - us_1970_to_2000), codec->width, ret_bytes);
}

static enum fit decode_time(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			    struct value *ret_value)
{
	int64_t us;

	(void)arena;
	if (size != codec->width)
		return FIT_SYNTAX;
	us = (int64_t)get_big(bytes, size);
	if (us < earliest_us || us > latest_us)
		return FIT_RANGE;
	*ret_value = (struct value){ .kind = VALUE_TIME, .integer = us + us_1970_to_2000 };
	return FIT_OK;
}

/* "2026-11-22", read as that day's midnight. */
static enum fit encode_date(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			    struct value *ret_bytes)
{
	static const char midnight[] = "T00:00:00Z";
	char text[LITERAL_BYTES] = "";
	int64_t us;

	if (value->kind != VALUE_TEXT)
		return FIT_TYPE;
	if (value->size != strlen("2000-01-01"))
		return FIT_SYNTAX;
	memcpy(text, value->data, value->size);
	memcpy(text + value->size, midnight, sizeof midnight);
	if (!hm_time_parse(text, strlen(text), &us))
		return FIT_SYNTAX;
	return give(arena, (uint64_t)((us - us_1970_to_2000) / ((int64_t)S_PER_DAY * HM_US_PER_S)), codec->width,
		    ret_bytes);
}

static enum fit decode_date(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			    struct value *ret_value)
{
	const int64_t first_day = -730119, last_day = 2921939; /* 0001-01-01, 9999-12-31 */
	char text[HM_TIME_BYTES];
	int64_t day;

	if (size != codec->width)
		return FIT_SYNTAX;
	day = (int32_t)get_big(bytes, size);
	if (day < first_day || day > last_day)
		return FIT_RANGE;
	hm_time_format((day + DAYS_1970_TO_2000) * S_PER_DAY * HM_US_PER_S, text);
	*ret_value = (struct value){ .kind = VALUE_TEXT,
				     .data = hm_arena_dup(arena, text, strlen("2000-01-01")),
				     .size = strlen("2000-01-01") };
	return FIT_OK;
}

static const struct codec codecs[] = {
	{ 25, 1009, "text", encode_text, decode_text, 0 },
	{ 1043, 1015, "varchar", encode_text, decode_text, 0 },
	{ 2950, 2951, "uuid", encode_uuid, decode_uuid, 16 },
	{ 20, 1016, "bigint", encode_integer, decode_integer, 8 },
	{ 23, 1007, "integer", encode_integer, decode_integer, 4 },
	{ 21, 1005, "smallint", encode_integer, decode_integer, 2 },
	{ 16, 1000, "boolean", encode_bool, decode_bool, 1 },
	{ 1184, 1185, "timestamptz", encode_time, decode_time, 8 },
	{ 3802, 3807, "jsonb", encode_jsonb, decode_jsonb, 0 },
	{ 114, 199, "json", encode_text, decode_text, 0 },
	{ 17, 1001, "bytea", encode_bytes, decode_bytes, 0 },
	{ 1082, 1182, "date", encode_date, decode_date, 4 },
	{ 701, 1022, "double precision", encode_number, decode_number, 8 },
	{ 700, 1021, "real", encode_number, decode_number, 4 },
	{ 1042, 1014, "char", encode_text, decode_text, 0 },
	{ 19, 1003, "name", encode_text, decode_text, 0 },
	{ 5069, 271, "xid8", encode_integer, decode_integer, 8 },
};

static const struct {
	unsigned oid;
	const char *name;
} unmapped[] = {
	{ 1700, "numeric, which no field holds exactly: cast it (::bigint, ::float8)" },
	{ 1114, "timestamp without a time zone: use timestamptz" },
	{ 1186, "interval: cast it (extract(epoch FROM …)::bigint)" },
	{ 705, "of unknown type: cast it" },
};

const struct codec *codec_find(unsigned oid, bool *ret_is_array)
{
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
		if (codecs[i].oid == oid || codecs[i].array_oid == oid) {
			*ret_is_array = codecs[i].array_oid == oid;
			return &codecs[i];
		}
	return NULL;
}

const char *codec_type_name(unsigned oid)
{
	for (size_t i = 0; i < sizeof unmapped / sizeof *unmapped; i++)
		if (unmapped[i].oid == oid)
			return unmapped[i].name;
	return "of a type that has no mapping: cast it";
}
