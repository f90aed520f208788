/*
 * Project: the paths of a command line taken apart. A repository is looked at where its services are; a folder of migrations is one group in
 * the order of its files; a single migration is judged with the ones before it, which are read and not reported.
 *
 *     .                                    the migrations of each service
 *     services/orders[/migrations]         that service
 *     services/orders/migrations/0003_x.sql    that file, after 0001 and 0002
 *     services/orders/queries.sql          its queries, with the migrations as what they run on
 *     any.sql                              that file alone (--service NAME: whose it is)
 *     proto/orders/v1/orders.proto         a contract; of a repository, or a folder like proto, all below it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "queries.h"

enum { FILE_MAX_BYTES = 16 << 20, DEPTH_MAX = 16 };

struct project {
	struct check *check;
	const char *service; /* of --service; NULL */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t size = strlen(name), suffix_size = strlen(suffix);

	return size > suffix_size && !strcmp(name + size - suffix_size, suffix);
}

static bool is_sql(const char *name)
{
	return ends_in(name, ".sql") && *name != '.';
}

static bool is_contract(const char *path)
{
	return ends_in(path, ".proto");
}

static bool is_folder(const char *path)
{
	struct stat info;

	return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* The folder a path is in: "." for a bare name. */
static const char *folder_of(struct check *check, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? hm_arena_dup(&check->arena, path, (size_t)(slash - path)) : ".";
}

/* Of services/NAME/migrations, wherever that is: NAME. A folder that is relative and short is made whole first. */
static const char *service_of(struct check *check, const char *folder)
{
	char *whole = realpath(folder, NULL);
	const char *name = NULL;

	if (whole && !strcmp(base_name(whole), "migrations")) {
		*strrchr(whole, '/') = '\0';
		name = hm_arena_strdup(&check->arena, base_name(whole));
	}
	free(whole);
	return name;
}

static unsigned version_of(const char *name)
{
	return strspn(name, "0123456789") == 4 && name[4] == '_' ? (unsigned)strtoul(name, NULL, 10) : 0;
}

static hm_status read_text(struct check *check, struct file *file)
{
	struct stat info;
	size_t size = 0;
	ssize_t n = 0;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return hm_raise_errno(NOT_FOUND, "cannot read %s", file->path);
	if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size > FILE_MAX_BYTES) {
		close(fd);
		return hm_raise(INVALID_ARGUMENT, "%s: not a file of at most %d MiB", file->path, FILE_MAX_BYTES >> 20);
	}
	text = hm_arena_zalloc(&check->arena, (size_t)info.st_size + 1);
	while (size < (size_t)info.st_size && (n = read(fd, text + size, (size_t)info.st_size - size)) > 0)
		size += (size_t)n;
	close(fd);
	if (n < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", file->path);
	if (memchr(text, '\0', size))
		return hm_raise(INVALID_ARGUMENT, "%s: has a NUL byte; SQL is text", file->path);
	file->text = text;
	file->size = size;
	return HM_OK;
}

/* The service patient-graph has the schema patient_graph. */
static const char *schema_name(struct check *check, const char *service)
{
	char *name = hm_arena_strdup(&check->arena, service);

	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : *p;
	return name;
}

static struct group *add_group(const struct project *project, const char *folder, bool is_whole)
{
	struct group *group = hm_arena_zalloc(&project->check->arena, sizeof *group), **tail = &project->check->groups;

	group->folder = folder;
	group->is_loose = !service_of(project->check, folder);
	group->is_whole = is_whole;
	group->service = project->service ? project->service : folder ? service_of(project->check, folder) : NULL;
	if (group->service)
		group->service = schema_name(project->check, group->service);
	while (*tail)
		tail = &(*tail)->next;
	*tail = group;
	return group;
}

static hm_status add_file(const struct project *project, struct group *group, const char *path, bool is_context)
{
	struct file *file = hm_arena_zalloc(&project->check->arena, sizeof *file), **tail = &group->files;

	while (*tail)
		tail = &(*tail)->next;
	*tail = file;
	file->group = group;
	file->path = path;
	file->name = base_name(path);
	file->version = version_of(file->name);
	file->is_context = is_context;
	project->check->n_files += !is_context;
	TRY(read_text(project->check, file));
	file_parse(project->check, file);
	return HM_OK;
}

/* Its name is enough: no migration is called so. */
static bool is_queries(const char *name)
{
	return !strcmp(name, "queries.sql");
}

static hm_status add_queries(const struct project *project, struct group *group, const char *path)
{
	struct file *file = hm_arena_zalloc(&project->check->arena, sizeof *file);

	file->group = group;
	file->path = path;
	file->name = base_name(path);
	project->check->n_files++;
	TRY(read_text(project->check, file));
	group->queries_file = file;
	group->queries = queries_read(project->check, file);
	return HM_OK;
}

/* ---- Folders ------------------------------------------------------------------------------------------------------ */

static int is_visible(const struct dirent *entry)
{
	return *entry->d_name != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static const char *join(struct check *check, const char *folder, const char *name)
{
	return strcmp(folder, ".") ? hm_arena_printf(&check->arena, "%s/%s", folder, name)
				   : hm_arena_strdup(&check->arena, name);
}

/* The visible names of a folder, sorted, in the arena; NULL-terminated. */
static hm_status list(struct check *check, const char *folder, const char *const **ret_names)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_visible, by_bytes);
	const char **names;

	if (n < 0)
		return hm_raise_errno(NOT_FOUND, "cannot read the folder %s", folder);
	names = hm_arena_zalloc(&check->arena, ((size_t)n + 1) * sizeof *names);
	for (int i = 0; i < n; i++) {
		names[i] = hm_arena_strdup(&check->arena, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	*ret_names = names;
	return HM_OK;
}

/* Up to a name (NULL: all), as context or not. */
static hm_status add_migrations(const struct project *project, struct group *group, const char *folder,
				const char *const *names, const char *before, bool is_context)
{
	for (; *names; names++) {
		const char *path = join(project->check, folder, *names);

		if (before && strcmp(*names, before) >= 0)
			break;
		if (is_sql(*names) && !is_queries(*names) && !is_folder(path))
			TRY(add_file(project, group, path, is_context));
	}
	return HM_OK;
}

static struct group *find_group(const struct check *check, const char *folder, bool is_whole)
{
	for (struct group *group = check->groups; group; group = group->next)
		if (group->folder && !strcmp(group->folder, folder) && group->is_whole == is_whole)
			return group;
	return NULL;
}

/* Queries belong to the migrations beside them, which were read before, or are read for them. */
static hm_status add_queries_of(const struct project *project, const char *folder)
{
	const char *migrations = join(project->check, folder, "migrations");
	struct group *group = find_group(project->check, migrations, true);
	const char *const *names;

	if (!group) {
		group = add_group(project, migrations, false);
		if (is_folder(migrations)) {
			TRY(list(project->check, migrations, &names));
			TRY(add_migrations(project, group, migrations, names, NULL, true));
		}
	}
	return add_queries(project, group, join(project->check, folder, "queries.sql"));
}

static hm_status add_contract(const struct project *project, const char *path)
{
	struct contract *contract = hm_arena_zalloc(&project->check->arena, sizeof *contract);

	if (access(path, R_OK))
		return hm_raise_errno(NOT_FOUND, "cannot read %s", path);
	contract->path = path;
	contract->next = project->check->contracts;
	project->check->contracts = contract;
	project->check->n_files++;
	return HM_OK;
}

static hm_status add_folder(const struct project *project, const char *folder, unsigned depth)
{
	const char *const *names, *services = join(project->check, folder, "services");
	bool has_sql = false, has_queries = false;

	if (depth == 0 && is_folder(join(project->check, folder, "proto")))
		project->check->contract_root = folder;
	if (depth == 0 && is_folder(services))
		return add_folder(project, services, 1);
	TRY(list(project->check, folder, &names));
	for (size_t i = 0; names[i]; i++) {
		has_sql |= is_sql(names[i]) && !is_queries(names[i]);
		has_queries |= is_queries(names[i]);
	}
	if (has_sql)
		TRY(add_migrations(project, add_group(project, folder, service_of(project->check, folder) != NULL),
				   folder, names, NULL, false));
	for (size_t i = 0; names[i] && depth < DEPTH_MAX; i++) {
		const char *path = join(project->check, folder, names[i]);

		if (is_folder(path))
			TRY(add_folder(project, path, depth + 1));
		else if (is_contract(path) && !project->check->contract_root)
			TRY(add_contract(project, path));
	}
	return has_queries ? add_queries_of(project, folder) : HM_OK;
}

/* Files of one folder named one after the other are one group, so that they are folded in order. */
static hm_status add_single(const struct project *project, const char *path)
{
	const char *folder = folder_of(project->check, path), *service = service_of(project->check, folder);
	struct group *group = service ? find_group(project->check, folder, false) : NULL;
	const char *const *names;

	if (is_queries(base_name(path)))
		return add_queries_of(project, folder);
	if (!group) {
		group = add_group(project, folder, false);
		if (service) {
			TRY(list(project->check, folder, &names));
			TRY(add_migrations(project, group, folder, names, base_name(path), true));
		}
	}
	return add_file(project, group, path, false);
}

/* A folder that has nothing of ours is not the one that was meant, unless a database is. */
static hm_status add_named_folder(const struct project *project, const char *folder)
{
	size_t before = project->check->n_files;

	TRY(add_folder(project, folder, 0));
	if (project->check->n_files == before && !project->check->contract_root && !project->check->is_live)
		return hm_raise(NOT_FOUND, "%s has no migrations, queries or contracts below it", folder);
	return HM_OK;
}

static hm_status add_path(const struct project *project, const char *path)
{
	if (is_folder(path))
		return add_named_folder(project, path);
	return is_contract(path) ? add_contract(project, path) : add_single(project, path);
}

hm_status check_read(struct check *check, const char *const *paths, size_t n_paths, const char *service)
{
	const struct project project = { check, service };

	for (size_t i = 0; i < n_paths; i++) {
		char *path = hm_arena_strdup(&check->arena, paths[i]);
		size_t size = strlen(path);

		while (size > 1 && path[size - 1] == '/')
			path[--size] = '\0';
		TRY(add_path(&project, path));
	}
	return HM_OK;
}
