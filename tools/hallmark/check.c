/* check: migrations, queries and contracts held against the rules. The work is hallmark-check's (tools/check). */
#include "command.h"

const struct command check_command = {
	.name = "check",
	.usage = "[PATH…] [--format text|line|json|github] [--dsn CONNINFO | --scratch]   | --rules   | --explain RULE",
	.summary = "hold migrations, queries and contracts against the rules",
	.program = "hallmark-check",
};
