/* Breaking rules of files and services. */
#include <string.h>

#include "rules.h"

/* Does anything in the former file concern anybody else? */
static bool is_public(const struct look *look)
{
	const struct model *model = &look->check->was->model;

	for (size_t i = 0; i < model->n_messages; i++)
		if (model->messages[i].file == look->was.file &&
		    contracts_message_travels(look->check->was, &model->messages[i]))
			return true;
	return look->was.file->n_services;
}

static void file_deleted(const struct look *look)
{
	if (is_public(look))
		finding_add_at(look->check, look->rule->name, look->was.file->proto->name, (struct position){ 1, 1 },
			       "the contract is gone, and what was built with it does not build; keep it, and make the "
			       "next one "
			       "in a folder v2 beside it");
}

static void package_changed(const struct look *look)
{
	struct path path = path_join(&(struct path){ 0 }, FILE_OPTIONS, OPTION_PB_C_FILE);
	const struct file *now = look->now.file, *was = look->was.file;

	if (!is_public(look))
		return;
	if (!text_is(now->proto->package, was->proto->package))
		complain(
			look,
			"package %s was %s, the name by which its methods are called; change it back, or add a version",
			now->proto->package, was->proto->package);
	else if (!text_is(now->options.c_package, was->options.c_package))
		complain_at(look, &path, "c_package %s was %s, the name of its types in C; change it back",
			    now->options.c_package ? now->options.c_package : "(none)",
			    was->options.c_package ? was->options.c_package : "(none)");
}

static void service_deleted(const struct look *look)
{
	complain(look, "service %s is gone, and with it all its methods; keep it until nobody calls it",
		 look->was.service->proto->name);
}

static void method_deleted(const struct look *look)
{
	complain(look, "method %s is gone: who calls it is answered UNIMPLEMENTED; keep it until nobody does",
		 look->was.method->proto->name);
}

const struct rule breaks_of_files[] = {
	{ "contract-file-deleted", "breaking", OF_FILE << GONE, file_deleted },
	{ "contract-package-changed", "breaking", OF_FILE, package_changed },
	{ "contract-service-deleted", "breaking", OF_SERVICE << GONE, service_deleted },
	{ "contract-method-deleted", "breaking", OF_METHOD << GONE, method_deleted },
	{ 0 },
};
