/* Wrappers: the table. A stream is known by an incomplete struct of its method's name, so that none is taken for another's. */
#include "wrappers.h"

#include <string.h>

enum {
	UNARY = 1 << HM_UNARY,
	REPLIES = 1 << HM_SERVER_STREAM | 1 << HM_BIDI_STREAM, /* its replies stream */
	REQUESTS = 1 << HM_CLIENT_STREAM | 1 << HM_BIDI_STREAM,
	STREAMS = REPLIES | REQUESTS,
};

#define STREAM "(struct hm_stream *)stream"

const struct wrapper wrappers[] = {
	{ UNARY, "",
	  "hm_status @c(struct hm_channel *channel, struct hm_context *context,\n"
	  "\t\tconst @q *request, @p **ret_reply)",
	  "\tProtobufCMessage *reply = NULL;\n\n"
	  "\tTRY(hm_channel_call(channel, context, &methods[@i], (const ProtobufCMessage *)request, &reply));\n"
	  "\t*ret_reply = (@p *)reply;\n\treturn HM_OK;\n" },
	{ UNARY, "_done", "typedef void @c_done(void *user, hm_status status, const @p *reply);\n", NULL },
	{ UNARY, NULL,
	  "static void done_@s(void (*typed)(void), void *user, hm_status status, const ProtobufCMessage *reply)",
	  "\t((@c_done *)typed)(user, status, (const @p *)reply);\n" },
	{ UNARY, "_start",
	  "hm_status @c_start(struct hm_channel *channel, struct hm_context *context,\n"
	  "\t\tconst @q *request, @c_done *done, void *user)",
	  "\treturn hm_channel_start(channel, context, &methods[@i], (const ProtobufCMessage *)request,\n"
	  "\t\t\tdone_@s, (void (*)(void))done, user);\n" },

	{ STREAMS, "", "struct @c;\n", NULL },
	{ 1 << HM_SERVER_STREAM, "",
	  "hm_status @c(struct hm_channel *channel, struct hm_context *context,\n"
	  "\t\tconst @q *request, struct @c **ret_stream)",
	  "\tstruct hm_stream *stream = NULL;\n\n"
	  "\tTRY(hm_stream_open(channel, context, &methods[@i], (const ProtobufCMessage *)request, &stream));\n"
	  "\t*ret_stream = (struct @c *)stream;\n\treturn HM_OK;\n" },
	{ REQUESTS, "", "hm_status @c(struct hm_channel *channel, struct hm_context *context, struct @c **ret_stream)",
	  "\tstruct hm_stream *stream = NULL;\n\n"
	  "\tTRY(hm_stream_open(channel, context, &methods[@i], NULL, &stream));\n"
	  "\t*ret_stream = (struct @c *)stream;\n\treturn HM_OK;\n" },
	{ REQUESTS, "_send", "hm_status @c_send(struct @c *stream, const @q *message)",
	  "\treturn hm_stream_send(" STREAM ", (const ProtobufCMessage *)message);\n" },
	{ REQUESTS, "_try_send", "hm_status @c_try_send(struct @c *stream, const @q *message, bool *ret_would_block)",
	  "\treturn hm_stream_try_send(" STREAM ", (const ProtobufCMessage *)message, ret_would_block);\n" },
	{ 1 << HM_BIDI_STREAM, "_end", "hm_status @c_end(struct @c *stream)", "\treturn hm_stream_end(" STREAM ");\n" },
	{ REPLIES, "_next", "hm_status @c_next(struct @c *stream, @p **ret_message)",
	  "\tProtobufCMessage *message = NULL;\n\n\tTRY(hm_stream_next(" STREAM ", &message));\n"
	  "\t*ret_message = (@p *)message;\n\treturn HM_OK;\n" },
	{ REPLIES, "_try_next", "hm_status @c_try_next(struct @c *stream, @p **ret_message, bool *ret_would_block)",
	  "\tProtobufCMessage *message = NULL;\n\n"
	  "\tTRY(hm_stream_try_next(" STREAM ", &message, ret_would_block));\n"
	  "\t*ret_message = (@p *)message;\n\treturn HM_OK;\n" },
	{ 1 << HM_CLIENT_STREAM, "_finish", "hm_status @c_finish(struct @c *stream, @p **ret_reply)",
	  "\tProtobufCMessage *reply = NULL;\n\n\tTRY(hm_stream_finish(" STREAM ", &reply));\n"
	  "\t*ret_reply = (@p *)reply;\n\treturn HM_OK;\n" },
	{ 1 << HM_CLIENT_STREAM, "_try_finish",
	  "hm_status @c_try_finish(struct @c *stream, @p **ret_reply, bool *ret_would_block)",
	  "\tProtobufCMessage *reply = NULL;\n\n"
	  "\tTRY(hm_stream_try_finish(" STREAM ", &reply, ret_would_block));\n"
	  "\t*ret_reply = (@p *)reply;\n\treturn HM_OK;\n" },
	{ STREAMS, "_on_ready", "void @c_on_ready(struct @c *stream, void (*ready)(void *user), void *user)",
	  "\thm_stream_on_ready(" STREAM ", ready, user);\n" },
	{ STREAMS, "_close", "void @c_close(struct @c *stream)", "\thm_stream_close(" STREAM ");\n" },
	{ STREAMS, "_scoped", "HM_SCOPED(@c, @c_close)\n", NULL },
	{ REQUESTS, "_read", "hm_status @c_read(struct hm_call *call, @q **ret_message)",
	  "\tProtobufCMessage *message = NULL;\n\n\tTRY(hm_call_read(call, &methods[@i], &message));\n"
	  "\t*ret_message = (@q *)message;\n\treturn HM_OK;\n" },
	{ REPLIES, "_write", "hm_status @c_write(struct hm_call *call, const @p *message)",
	  "\treturn hm_call_write(call, &methods[@i], (const ProtobufCMessage *)message);\n" },
};
const size_t n_wrappers = sizeof(wrappers) / sizeof(*wrappers);

static const char *place(char letter, const struct method *method)
{
	switch (letter) {
	case 'c':
		return method->client;
	case 'n':
		return method->service_name;
	case 's':
		return method->slot;
	case 'q':
		return method->request->type;
	default: /* 'p' */
		return method->reply->type;
	}
}

void wrappers_fill(const char *text, const struct method *method, size_t index, struct hm_buffer *out)
{
	for (const char *at; (at = strchr(text, '@')); text = at + 2) {
		hm_buffer_add(out, text, (size_t)(at - text));
		if (at[1] == 'i')
			hm_buffer_printf(out, "%zu", index);
		else
			hm_buffer_add_text(out, place(at[1], method));
	}
	hm_buffer_add_text(out, text);
}

void wrappers_declare(const struct method *method, struct hm_buffer *out)
{
	for (size_t i = 0; i < n_wrappers; i++) {
		if (!(wrappers[i].kinds >> method->kind & 1) || !wrappers[i].suffix)
			continue;
		wrappers_fill(wrappers[i].prototype, method, 0, out);
		hm_buffer_add_text(out, wrappers[i].body ? ";\n" : "");
	}
}

void wrappers_define(const struct method *method, size_t index, struct hm_buffer *out)
{
	for (size_t i = 0; i < n_wrappers; i++) {
		if (!(wrappers[i].kinds >> method->kind & 1) || !wrappers[i].body)
			continue;
		hm_buffer_add_text(out, "\n");
		wrappers_fill(wrappers[i].prototype, method, index, out);
		hm_buffer_add_text(out, "\n{\n");
		wrappers_fill(wrappers[i].body, method, index, out);
		hm_buffer_add_text(out, "}\n");
	}
}
