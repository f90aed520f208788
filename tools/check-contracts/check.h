/*
 * Check, inside: contracts on their way to findings.
 *
 *     folder --read--> contracts --lint--> each rule that stands for itself --┐
 *                          │                                                  ├--> findings --print--> JSON, one a line
 *     git --history--> former contracts --compare--> each breaking rule ------┘
 *
 * Everything lives in the check's arena until the end; descriptors are unpacked once and never freed.
 */
#pragma once
#include "base/arena.h"
#include "base/status.h"
#include "tools/contract/model.h"

struct rule;

/* Where a message or an enum is found on its way between services; 0: nowhere, it is a service's own affair. */
enum travel { TRAVELS_IN_REQUESTS = 1, TRAVELS_IN_REPLIES = 2 };

/* All contracts of one folder, at one time. */
struct contracts {
	struct model model;
	const char *folder; /* what is before proto/: "." or another */
	unsigned char *messages, *enums; /* enum travel, by their index in the model */
};

struct finding {
	struct finding *next;
	const char *rule, *file, *message;
	int line, column;
};

/* One `hallmark:allow RULE because …`, in the comment of what it speaks of. */
struct allow {
	struct allow *next;
	const struct file *file;
	struct path path; /* of what it stands above; empty: the file */
	struct position position;
	const char *rule;
	bool has_reason, is_used;
};

struct check {
	struct hm_arena arena;
	struct contracts now;
	struct contracts *was; /* NULL: compared with nothing */
	char *const *only; /* the files that were named, as protoc knows them; NULL: all */
	size_t n_only;
	struct finding *findings;
	struct allow *allows;
};

/* What a rule looks at: everything around it, down to the thing itself. */
struct thing {
	const struct file *file;
	const struct service *service;
	const struct method *method;
	const struct message *message;
	const struct field *field;
	const struct enumeration *enumeration;
	const ValueProto *value;
	struct path path; /* the thing's own */
};

/* contracts_read has protoc read the contracts below folder/proto. What protoc refuses and warns of become findings, if check is
 * not NULL; *ret_is_read says whether there are contracts now. UNAVAILABLE: protoc cannot be run. */
hm_status contracts_read(struct hm_arena *arena, const char *folder, struct check *check,
			 struct contracts *ret_contracts, bool *ret_is_read);

/* contracts_travel fills in which messages and enums travel. A package without a service is made for others: all of it does. */
void contracts_travel(struct hm_arena *arena, struct contracts *contracts);

/* contracts_message_travels and contracts_enum_travels say how, as enum travel. */
unsigned contracts_message_travels(const struct contracts *contracts, const struct message *message);
unsigned contracts_enum_travels(const struct contracts *contracts, const struct enumeration *enumeration);

/* history_extract puts the proto/ below folder, as it was at a revision, into an empty folder, without touching the work tree.
 * INVALID_ARGUMENT: git knows no such revision, or it has no proto/ there. */
hm_status history_extract(struct hm_arena *arena, const char *folder, const char *revision, const char *into);

/* check_lint looks at each contract, check_compare at each pair of a former one and what became of it. */
void check_lint(struct check *check);
void check_compare(struct check *check);

/* finding_add notes a finding where something stands, unless an allow lets it pass; finding_add_at at a line of a file. Of files that
 * were not asked for both note nothing; finding_note does. */
void finding_add(struct check *check, const char *rule, const struct file *file, const struct path *path,
		 const char *message);
void finding_add_at(struct check *check, const char *rule, const char *file, struct position position,
		    const char *message);
void finding_note(struct check *check, const char *rule, const char *file, struct position position,
		  const char *message);

/* allows_collect finds the allows of a file; allows_settle complains of those that are mistaken. */
void allows_collect(struct check *check, const struct file *file);
void allows_settle(struct check *check);

/* findings_print sorts by place and writes one JSON object a line. */
void findings_print(struct check *check);
