/*
 * Emit the fake: what a test has of a service that the service under test calls. Types on server/fake.h's functions, as text with
 * the places of wrappers.h.
 */
#include "emit.h"
#include "wrappers.h"

static const struct {
	const char *prototype, *body;
} parts[] = {
	{ "void @n_fake_@s_replies(struct @n_fake *fake, const @p *reply)",
	  "\thm_fake_replies(fake->fake, &@n_table.methods[@i], (const ProtobufCMessage *)reply);\n" },
	{ "void @n_fake_@s_fails(struct @n_fake *fake, hm_status status, const char *message)",
	  "\thm_fake_fails(fake->fake, &@n_table.methods[@i], status, message);\n" },
	{ "unsigned @n_fake_@s_calls(struct @n_fake *fake)",
	  "\treturn hm_fake_calls(fake->fake, &@n_table.methods[@i]);\n" },
	{ "const @q *@n_fake_@s_request(struct @n_fake *fake)",
	  "\treturn (const @q *)hm_fake_request(fake->fake, &@n_table.methods[@i]);\n" },
};
enum { N_PARTS = sizeof(parts) / sizeof(*parts) };

static void emit_life(const struct file *file, struct hm_buffer *out)
{
	const char *name = file->short_name;

	hm_buffer_printf(out,
			 "\nstruct %s_fake {\n"
			 "\tstruct %s_handlers on; /* what a method is to do: fake->on.method = my_handler */\n"
			 "\tstruct hm_fake *fake;\n};\n\n",
			 name, name);
	hm_buffer_printf(
		out,
		"/* Opened, it is where this process looks for %s. What server/fake.h says of hm_fake_open and "
		"_close. */\n"
		"hm_status %s_fake_open(struct %s_fake **ret_fake);\n"
		"void %s_fake_close(struct %s_fake *fake);\n"
		"HM_SCOPED(%s_fake, %s_fake_close)\n",
		file->services->full_name, name, name, name, name, name, name);
}

void emit_fake_header(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	const struct service *service = &file->services[0];

	(void)model;
	hm_buffer_printf(out,
			 "/*\n * Made by protoc-gen-hallmark from %s: change the contract, never this file.\n *\n"
			 " * A fake of %s for tests of what calls it: docs/testing.md.\n */\n"
			 "#pragma once\n#include \"%s.hm.h\"\n#include \"server/fake.h\"\n",
			 file->shown, service->full_name, file->stem);
	emit_life(file, out);
	for (size_t i = 0; i < service->n_methods; i++) {
		hm_buffer_printf(out, "\n/* %s */\n", service->methods[i].proto->name);
		for (size_t j = 0; j < N_PARTS; j++) {
			wrappers_fill(parts[j].prototype, &service->methods[i], i, out);
			hm_buffer_add_text(out, ";\n");
		}
	}
}

void emit_fake_source(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	const struct service *service = &file->services[0];
	const char *name = file->short_name;

	(void)model;
	hm_buffer_printf(out, "/* Made by protoc-gen-hallmark from %s: change the contract, never this file. */\n",
			 file->shown);
	hm_buffer_printf(out, "#include \"%s.fake.h\"\n\n#include <stdlib.h>\n", file->stem);
	hm_buffer_printf(out,
			 "\nhm_status %s_fake_open(struct %s_fake **ret_fake)\n{\n"
			 "\tSCOPED(%s_fake) fake = calloc(1, sizeof(*fake));\n\n"
			 "\tif (!fake)\n\t\tabort();\n"
			 "\tTRY(hm_fake_open(&%s_table, &fake->on, &fake->fake));\n"
			 "\t*ret_fake = take(&fake);\n\treturn HM_OK;\n}\n",
			 name, name, name, name);
	hm_buffer_printf(out,
			 "\nvoid %s_fake_close(struct %s_fake *fake)\n{\n\tif (fake)\n"
			 "\t\thm_fake_close(fake->fake);\n\tfree(fake);\n}\n",
			 name, name);
	for (size_t i = 0; i < service->n_methods; i++)
		for (size_t j = 0; j < N_PARTS; j++) {
			hm_buffer_add_text(out, "\n");
			wrappers_fill(parts[j].prototype, &service->methods[i], i, out);
			hm_buffer_add_text(out, "\n{\n");
			wrappers_fill(parts[j].body, &service->methods[i], i, out);
			hm_buffer_add_text(out, "}\n");
		}
}
