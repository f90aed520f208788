/* Binding of rows: where each column goes is found once a result, then every row follows that plan. */
#include <string.h>

#include "base/id.h"
#include "store/bind.h"
#include "store/value.h"
#include "wire/message.h"
#include "wire/message_field.h"

enum { WORD = 4, ARRAY_HEADER = 12, ARRAY_DIMENSION = 8 };

struct column {
	const ProtobufCFieldDescriptor *field; /* of the row's message; NULL: not there */
	const ProtobufCFieldDescriptor *of_page; /* of the reply, filled from the last row; NULL: not there */
	const struct codec *codec;
	bool is_array;
};

struct plan {
	struct hm_arena *arena;
	const struct hm_query *query;
	const PGresult *result;
	struct column *columns;
	int n_columns;
};

static hm_status raise_column(const struct plan *plan, int column, const char *problem)
{
	return hm_raise(INTERNAL, "%s:%d: %s: column %s %s", plan->query->file, plan->query->line, plan->query->name,
			PQfname(plan->result, column), problem);
}

static hm_status raise_fit(const struct plan *plan, int column, enum fit fit)
{
	const struct column *of = &plan->columns[column];

	return hm_raise(INTERNAL, "%s:%d: %s: column %s (%s%s) %s for its field", plan->query->file, plan->query->line,
			plan->query->name, PQfname(plan->result, column), of->codec->name, of->is_array ? "[]" : "",
			fit_text(fit));
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor, const char *name)
{
	return descriptor ? protobuf_c_message_descriptor_get_field_by_name(descriptor, name) : NULL;
}

static hm_status find_codec(struct plan *plan, int column)
{
	unsigned type = PQftype(plan->result, column);

	plan->columns[column].codec = codec_find(type, &plan->columns[column].is_array);
	return plan->columns[column].codec
		       ? HM_OK
		       : raise_column(plan, column, hm_arena_printf(plan->arena, "is %s", codec_type_name(type)));
}

/* row and page may be NULL; a column must have a place in one of them. */
static hm_status make_plan(struct plan *plan, const ProtobufCMessageDescriptor *row,
			   const ProtobufCMessageDescriptor *page)
{
	plan->n_columns = PQnfields(plan->result);
	plan->columns = hm_arena_zalloc(plan->arena, (size_t)plan->n_columns * sizeof *plan->columns);
	for (int i = 0; i < plan->n_columns; i++) {
		struct column *column = &plan->columns[i];

		column->field = find_field(row, PQfname(plan->result, i));
		column->of_page = column->field ? NULL : find_field(page, PQfname(plan->result, i));
		if (!column->field && !column->of_page)
			return raise_column(plan, i, "has no field in the reply");
		TRY(find_codec(plan, i));
	}
	return HM_OK;
}

/* NULL is absent: what the field held before goes. A sibling in a oneof stays. */
static void clear_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	char *base = (char *)message;

	if (!hm_field_is_set(message, field))
		return;
	if (hm_field_is_repeated(field))
		(void)hm_field_make(NULL, message, field, 0);
	else if (hm_field_is_oneof(field))
		*(uint32_t *)(void *)(base + field->quantifier_offset) = 0;
	else if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING)
		*(const void **)(void *)(base + field->offset) = field->default_value;
	else if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
		*(protobuf_c_boolean *)(void *)(base + field->quantifier_offset) = 0;
}

static enum fit put_value(const struct plan *plan, const struct column *column, const ProtobufCFieldDescriptor *field,
			  const char *bytes, size_t size, void *at)
{
	struct value value;
	enum fit fit = column->codec->decode(column->codec, plan->arena, bytes, size, &value);

	return fit == FIT_OK ? value_write(plan->arena, field, &value, at) : fit;
}

/* One dimension, no NULLs: what a repeated field can hold. The layout is in bind.c. */
static enum fit put_array(const struct plan *plan, const struct column *column, const ProtobufCFieldDescriptor *field,
			  const char *bytes, size_t size, ProtobufCMessage *message)
{
	const char *end = bytes + size;
	size_t n, length;
	char *at;

	if (size < ARRAY_HEADER || get_big(bytes, WORD) > 1)
		return FIT_SYNTAX;
	n = get_big(bytes, WORD) ? size < ARRAY_HEADER + ARRAY_DIMENSION ? 0 : get_big(bytes + ARRAY_HEADER, WORD) : 0;
	if (n > size / WORD)
		return FIT_SYNTAX;
	at = hm_field_make(plan->arena, message, field, n);
	bytes += n ? ARRAY_HEADER + ARRAY_DIMENSION : 0;
	for (size_t i = 0; i < n; i++, at += hm_type_of(field->type)->size, bytes += length) {
		enum fit fit;

		if ((size_t)(end - bytes) < WORD)
			return FIT_SYNTAX;
		length = get_big(bytes, WORD);
		bytes += WORD;
		if (length > (size_t)(end - bytes)) /* a NULL says 2^32 - 1 */
			return FIT_SYNTAX;
		fit = put_value(plan, column, field, bytes, length, at);
		if (fit != FIT_OK)
			return fit;
	}
	return FIT_OK;
}

static hm_status put_column(const struct plan *plan, int row, int i, const ProtobufCFieldDescriptor *field,
			    ProtobufCMessage *message)
{
	const struct column *column = &plan->columns[i];
	const char *bytes = PQgetvalue(plan->result, row, i);
	size_t size = (size_t)PQgetlength(plan->result, row, i);
	enum fit fit = FIT_TYPE;

	if (PQgetisnull(plan->result, row, i)) {
		if (field->label == PROTOBUF_C_LABEL_REQUIRED)
			return raise_column(plan, i, "is NULL, and its field is required");
		clear_field(message, field);
		return HM_OK;
	}
	if (column->is_array && hm_field_is_repeated(field))
		fit = put_array(plan, column, field, bytes, size, message);
	else if (!column->is_array && !hm_field_is_repeated(field))
		fit = put_value(plan, column, field, bytes, size, hm_field_make(plan->arena, message, field, 1));
	return fit == FIT_OK ? HM_OK : raise_fit(plan, i, fit);
}

static hm_status put_row(const struct plan *plan, int row, ProtobufCMessage *message)
{
	for (int i = 0; i < plan->n_columns; i++)
		if (plan->columns[i].field)
			TRY(put_column(plan, row, i, plan->columns[i].field, message));
	return HM_OK;
}

/* A page that is full may have a successor: its token is the last row's. */
static hm_status put_page(const struct plan *plan, uint64_t page_size, ProtobufCMessage *reply)
{
	int n_rows = PQntuples(plan->result);

	if (!page_size || (uint64_t)n_rows < page_size)
		return HM_OK;
	for (int i = 0; i < plan->n_columns; i++)
		if (plan->columns[i].of_page)
			TRY(put_column(plan, n_rows - 1, i, plan->columns[i].of_page, reply));
	return HM_OK;
}

/* The reply's only list of messages, or NULL. */
static const ProtobufCFieldDescriptor *find_list(const ProtobufCMessageDescriptor *descriptor)
{
	const ProtobufCFieldDescriptor *found = NULL;

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

		if (field->type != PROTOBUF_C_TYPE_MESSAGE || !hm_field_is_repeated(field))
			continue;
		if (found)
			return NULL;
		found = field;
	}
	return found;
}

static hm_status get_list(const struct plan *plan, const ProtobufCMessageDescriptor *reply,
			  const ProtobufCFieldDescriptor **ret_list)
{
	*ret_list = find_list(reply);
	if (*ret_list)
		return HM_OK;
	return hm_raise(INTERNAL, "%s:%d: %s: %s must have exactly one repeated message field for the rows",
			plan->query->file, plan->query->line, plan->query->name, reply->name);
}

static hm_status put_list(struct plan *plan, uint64_t page_size, ProtobufCMessage *reply)
{
	const ProtobufCFieldDescriptor *list;
	int n_rows = PQntuples(plan->result);
	ProtobufCMessage **elements;

	TRY(get_list(plan, reply->descriptor, &list));
	TRY(make_plan(plan, list->descriptor, reply->descriptor));
	elements = hm_field_make(plan->arena, reply, list, (size_t)n_rows);
	for (int row = 0; row < n_rows; row++)
		elements[row] = hm_message_new(plan->arena, list->descriptor);
	for (int row = 0; row < n_rows; row++)
		TRY(put_row(plan, row, elements[row]));
	return put_page(plan, page_size, reply);
}

static hm_status check_count(const struct hm_query *query, int n_rows)
{
	if (n_rows == 0 && query->rows == HM_ROWS_ONE)
		return hm_raise(NOT_FOUND, "%s: no rows", query->name);
	if (n_rows > 1 && query->rows != HM_ROWS_MANY)
		return hm_raise(INTERNAL, "%s:%d: %s: %d rows where at most one was promised", query->file, query->line,
				query->name, n_rows);
	return HM_OK;
}

hm_status bind_result(struct hm_arena *arena, const struct hm_query *query, const PGresult *result, uint64_t page_size,
		      ProtobufCMessage *reply)
{
	struct plan plan = { .arena = arena, .query = query, .result = result };

	if (query->rows == HM_ROWS_NONE)
		return HM_OK;
	TRY(check_count(query, PQntuples(result)));
	if (!reply)
		return HM_OK;
	if (query->rows == HM_ROWS_MANY)
		return put_list(&plan, page_size, reply);
	TRY(make_plan(&plan, reply->descriptor, NULL));
	return PQntuples(result) ? put_row(&plan, 0, reply) : HM_OK;
}

/* A value of the column's type, whichever: zero, or a text of one byte, which could be jsonb's version. */
static enum fit try_column(const struct plan *plan, const struct column *column)
{
	static const char zero[sizeof(struct hm_id)], text[] = { 1 };
	const ProtobufCFieldDescriptor *field = column->field ? column->field : column->of_page;
	const struct codec *codec = column->codec;
	struct value value;
	ProtobufCBinaryData room; /* for any field's value */

	if (column->is_array != hm_field_is_repeated(field))
		return FIT_TYPE;
	if (codec->decode(codec, plan->arena, codec->width ? zero : text, codec->width ? codec->width : sizeof text,
			  &value) != FIT_OK)
		return FIT_TYPE;
	return value_write(plan->arena, field, &value, &room) == FIT_TYPE ? FIT_TYPE : FIT_OK;
}

/* What a row must have and no column gives would be sent as nothing. */
static hm_status check_required(const struct plan *plan, const ProtobufCMessageDescriptor *row)
{
	for (unsigned i = 0; i < row->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &row->fields[i];
		bool is_given = field->label != PROTOBUF_C_LABEL_REQUIRED;

		for (int j = 0; j < plan->n_columns; j++)
			is_given |= plan->columns[j].field == field;
		if (!is_given)
			return hm_raise(INTERNAL, "%s:%d: %s: %s requires %s, and no column is called so",
					plan->query->file, plan->query->line, plan->query->name, row->name,
					field->name);
	}
	return HM_OK;
}

static hm_status check_types(struct plan *plan)
{
	plan->n_columns = PQnfields(plan->result);
	plan->columns = hm_arena_zalloc(plan->arena, (size_t)plan->n_columns * sizeof *plan->columns);
	for (int i = 0; i < plan->n_columns; i++)
		TRY(find_codec(plan, i));
	return HM_OK;
}

hm_status bind_check_result(struct hm_arena *arena, const struct hm_query *query, const PGresult *columns,
			    const ProtobufCMessageDescriptor *reply)
{
	struct plan plan = { .arena = arena, .query = query, .result = columns };
	const ProtobufCMessageDescriptor *row = reply, *page = NULL;
	const ProtobufCFieldDescriptor *list;

	if (query->rows == HM_ROWS_NONE)
		return HM_OK;
	if (!reply)
		return check_types(&plan);
	if (query->rows == HM_ROWS_MANY) {
		TRY(get_list(&plan, reply, &list));
		row = list->descriptor;
		page = reply;
	}
	TRY(make_plan(&plan, row, page));
	for (int i = 0; i < plan.n_columns; i++)
		if (try_column(&plan, &plan.columns[i]) != FIT_OK)
			return raise_fit(&plan, i, FIT_TYPE);
	return check_required(&plan, row);
}
