/*
 * Model: contracts as protoc has parsed them, with everything the generator and the checks need worked out: C names, options,
 * comments, positions.
 *
 * It is built once from descriptors with source info (model_build), and then only read. Everything lives in one arena; the
 * descriptors must outlive it.
 */
#pragma once
#include <google/protobuf/descriptor.pb-c.h>

#include "base/buffer.h"
#include "rpc/method.h"
#include "tools/contract/options.h"
#include "tools/contract/source.h"

typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__EnumValueDescriptorProto ValueProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__FileDescriptorProto FileProto;
typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;
typedef Google__Protobuf__ServiceDescriptorProto ServiceProto;

struct file;

struct field {
	const FieldProto *proto;
	struct path path;
	struct field_options options;
	struct message *message; /* of a message-typed field; NULL: of another type */
};

struct message {
	const MessageProto *proto;
	struct file *file;
	struct path path;
	const char *full_name; /* "follows.v1.FollowRequest" */
	const char *type, *lower,
		*macro; /* "Follows__FollowRequest", "follows__follow_request", "FOLLOWS_FOLLOW_REQUEST" */
	struct field *fields; /* by number, as protobuf-c's descriptor has them */
	size_t n_fields;
	bool has_rules; /* a field has options, or a message with rules */
	const char *comment;
};

struct enumeration {
	const EnumProto *proto;
	struct file *file;
	struct path path;
	const char *full_name; /* "accounting.v1.HoldState" */
	const char *comment;
};

struct method {
	const MethodProto *proto;
	struct path path;
	struct method_options options;
	const char *full_name; /* "follows.v1.Follows/Follow" */
	const char *slot; /* "follow" */
	const char *client; /* "follows_follow" */
	const char *service_name; /* "follows": the file's short name */
	const char *comment; /* "" where the contract has none */
	const char *permission_words; /* "permission follows.write", "public" or "callers identity": for people */
	struct message *request, *reply;
	enum hm_method_kind kind;
	int idempotency; /* enum hm_idempotency */
	struct texts errors; /* the status names its comment promises */
	int line;
};

struct service {
	const ServiceProto *proto;
	struct path path;
	struct service_options options;
	const char *full_name;
	const char *comment;
	struct method *methods;
	size_t n_methods;
};

struct file {
	const FileProto *proto;
	struct file_options options;
	const char *stem; /* "follows/v1/follows": the name without .proto */
	const char *shown; /* "proto/follows/v1/follows.proto": the name for people */
	const char *short_name; /* "follows": the first component of the package */
	const char *macro; /* "FOLLOWS" */
	struct service *services;
	size_t n_services;
	bool to_generate;
};

struct model {
	struct hm_arena *arena;
	struct file *files;
	size_t n_files;
	struct message *messages; /* of all files, nested ones too */
	size_t n_messages;
	struct enumeration *enums; /* likewise */
	size_t n_enums;
	const char *root; /* the folder of the contracts, for people; "": unknown */
};

/* What a model is built from: files in an order in which each comes behind what it imports, and the names of those that are asked
 * for themselves: they alone get their services. */
struct model_source {
	FileProto *const *files;
	size_t n_files;
	char *const *asked;
	size_t n_asked;
	const char *root;
};

/* model_build makes the model. INTERNAL: options this program cannot read. */
hm_status model_build(struct hm_arena *arena, const struct model_source *source, struct model *ret_model);

/* model_message finds a message by protobuf's absolute name (".follows.v1.Edge"), or NULL. */
struct message *model_message(const struct model *model, const char *absolute_name);

/* message_field finds a field by name, or NULL. */
const struct field *message_field(const struct message *message, const char *name);
