/* Statements: a hash table of chains that only grow, read without a lock. */
#include "store/statement.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void registry_init(struct registry *registry)
{
	pthread_mutex_init(&registry->lock, NULL);
}

static void free_statement(struct statement *statement)
{
	while (statement->all) {
		struct description *older = statement->all->older;

		free(statement->all);
		statement->all = older;
	}
	free(statement);
}

void registry_fini(struct registry *registry)
{
	for (size_t i = 0; i < STATEMENT_BUCKETS; i++) {
		struct statement *statement = registry->buckets[i], *next;

		for (; statement; statement = next) {
			next = statement->next;
			free_statement(statement);
		}
	}
	pthread_mutex_destroy(&registry->lock);
}

static struct statement *find(_Atomic(struct statement *) *bucket, const struct hm_query *query)
{
	struct statement *statement = atomic_load_explicit(bucket, memory_order_acquire);

	while (statement && statement->query != query)
		statement = statement->next;
	return statement;
}

static struct statement *add(struct registry *registry, _Atomic(struct statement *) *bucket,
			     const struct hm_query *query)
{
	struct statement *statement = calloc(1, sizeof *statement);

	if (!statement)
		abort();
	statement->query = query;
	statement->index = registry->n_statements++;
	statement->next = *bucket;
	atomic_store_explicit(bucket, statement, memory_order_release);
	return statement;
}

struct statement *statement_get(struct registry *registry, const struct hm_query *query)
{
	uint64_t hash = (uint64_t)(uintptr_t)query * UINT64_C(0x9e3779b97f4a7c15);
	_Atomic(struct statement *) *bucket = &registry->buckets[(hash >> 32) % STATEMENT_BUCKETS];
	struct statement *statement = find(bucket, query);

	if (statement)
		return statement;
	pthread_mutex_lock(&registry->lock);
	statement = find(bucket, query);
	if (!statement)
		statement = add(registry, bucket, query);
	pthread_mutex_unlock(&registry->lock);
	return statement;
}

const struct description *statement_describe(struct registry *registry, struct statement *statement, unsigned version,
					     int n_parameters, const unsigned *types)
{
	size_t types_bytes = (size_t)n_parameters * sizeof *types;
	struct description *made = calloc(1, sizeof *made + types_bytes), *current;

	if (!made)
		abort();
	made->version = version;
	made->n_parameters = n_parameters;
	if (types_bytes)
		memcpy(made->types, types, types_bytes);
	pthread_mutex_lock(&registry->lock);
	current = statement->description;
	if (!current) {
		made->older = statement->all;
		statement->all = made;
		atomic_store_explicit(&statement->description, made, memory_order_release);
	}
	pthread_mutex_unlock(&registry->lock);
	if (!current)
		return made;
	free(made);
	return current;
}

void statement_forget(struct statement *statement, const struct description *description)
{
	struct description *expected = statement->description;

	if (expected == description)
		atomic_compare_exchange_strong(&statement->description, &expected, NULL);
}

unsigned registry_version(struct registry *registry)
{
	return atomic_fetch_add(&registry->n_versions, 1) + 1;
}

void prepared_name(unsigned version, char ret_name[static PREPARED_NAME_BYTES])
{
	snprintf(ret_name, PREPARED_NAME_BYTES, "q%u", version);
}
