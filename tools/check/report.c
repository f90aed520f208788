/*
 * Report: findings on stdout. For people each with its line, a caret and the safe way to write it, and a summary on stderr; JSON is one
 * array of {rule, file, line, column, message}.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "rules.h"

static const struct {
	const char *name, *text;
} pages[] = {
#include "gen/check/pages.h"
};

/* ---- For people --------------------------------------------------------------------------------------------------- */

static const char *style(const char *code)
{
	return isatty(STDOUT_FILENO) ? code : "";
}

/* The line an offset is in. */
static size_t line_begin(const struct file *file, size_t at)
{
	while (at && file->text[at - 1] != '\n')
		at--;
	return at;
}

/* Bytes that could steer a terminal show as '?', those of U+0080 to U+009F, too. */
static void print_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i], before = i ? (unsigned char)text[i - 1] : 0;

		putchar(c == '\t' ? ' ' : (c < ' ' || c == 0x7f || (before == 0xc2 && c < 0xa0)) ? '?' : c);
	}
}

static void print_text(const char *text)
{
	print_plain(text, strlen(text));
}

static void print_place(const struct finding *finding)
{
	const struct file *file = finding->file;
	size_t begin = line_begin(file, finding->begin), end = begin, marked;

	while (end < file->size && file->text[end] != '\n')
		end++;
	printf("%s%6u |%s ", style("\033[2m"), finding->line, style("\033[0m"));
	print_plain(file->text + begin, end - begin);
	putchar('\n');
	marked = finding->end < end ? finding->end : end;
	printf("       %s|%s %*s%s", style("\033[2m"), style("\033[0m"), (int)finding->column - 1, "",
	       style("\033[31m"));
	putchar('^');
	for (size_t i = finding->begin + 1; i < marked; i++)
		if (((unsigned char)file->text[i] & 0xc0) != 0x80)
			putchar('^');
	printf("%s\n", style("\033[0m"));
}

static void print_finding(const struct finding *finding)
{
	const struct rule *rule = rule_find(finding->rule);

	fputs(style("\033[1m"), stdout);
	print_text(finding->path);
	if (finding->line)
		printf(":%u:%u", finding->line, finding->column);
	printf(":%s %s%s%s\n", style("\033[0m"), style("\033[31m"), finding->rule, style("\033[0m"));
	if (finding->file && finding->file->size)
		print_place(finding);
	fputs("  ", stdout);
	print_text(finding->message);
	putchar('\n');
	if (rule && rule->safe)
		printf("  %ssafe:%s %s\n", style("\033[32m"), style("\033[0m"), rule->safe);
	printf("  %smore: hallmark check --explain %s%s\n\n", style("\033[2m"), finding->rule, style("\033[0m"));
}

static void print_allowed(const struct finding *finding)
{
	fputs("allowed: ", stdout);
	print_text(finding->path);
	printf(":%u %s because ", finding->line, finding->rule);
	print_text(finding->allow->reason);
	putchar('\n');
}

static void write_text(const struct check *check)
{
	for (const struct finding *one = check->findings; one; one = one->next)
		if (!one->allow)
			print_finding(one);
	for (const struct finding *one = check->findings; one; one = one->next)
		if (one->allow)
			print_allowed(one);
	fflush(stdout);
	fprintf(stderr, "%zu file%s checked: %zu finding%s, %zu allowed\n", check->n_files,
		check->n_files == 1 ? "" : "s", check->n_findings, check->n_findings == 1 ? "" : "s", check->n_allowed);
}

/* ---- For programs -------------------------------------------------------------------------------------------------- */

static void add_text(struct hm_buffer *json, const char *key, const char *text)
{
	hm_buffer_printf(json, "\"%s\":", key);
	hm_json_write_text(json, text, strlen(text));
}

static void add_finding(struct hm_buffer *json, const struct finding *finding)
{
	hm_buffer_add_text(json, "{");
	add_text(json, "rule", finding->rule);
	hm_buffer_add_text(json, ",");
	add_text(json, "file", finding->path);
	hm_buffer_printf(json, ",\"line\":%u,\"column\":%u,", finding->line ? finding->line : 1,
			 finding->column ? finding->column : 1);
	add_text(json, "message", finding->message);
	hm_buffer_add_text(json, "}");
}

static void write_json(const struct check *check)
{
	struct hm_buffer json = { 0 };

	hm_buffer_add_text(&json, "[");
	for (const struct finding *one = check->findings; one; one = one->next) {
		if (one->allow)
			continue;
		hm_buffer_add_text(&json, json.size > 1 ? ",\n" : "\n");
		add_finding(&json, one);
	}
	hm_buffer_add_text(&json, "\n]\n");
	fwrite(json.data, 1, json.size, stdout);
	hm_buffer_fini(&json);
}

/* GitHub's own escapes, for a message and, with ',' and ':', for a property. */
static void print_escaped(const char *text, const char *special)
{
	for (; *text; text++)
		if (*text == '%' || (unsigned char)*text < ' ' || strchr(special, *text))
			printf("%%%02X", (unsigned char)*text);
		else
			putchar(*text);
}

static void write_github(const struct check *check)
{
	for (const struct finding *one = check->findings; one; one = one->next) {
		if (one->allow)
			continue;
		printf("::error file=");
		print_escaped(one->path, ",:");
		printf(",line=%u,col=%u,title=%s::", one->line ? one->line : 1, one->column ? one->column : 1,
		       one->rule);
		print_escaped(one->message, "");
		putchar('\n');
	}
}

/* As compilers write it, which editors read. */
static void write_lines(const struct check *check)
{
	for (const struct finding *one = check->findings; one; one = one->next)
		if (!one->allow) {
			print_text(one->path);
			printf(":%u:%u: %s: ", one->line ? one->line : 1, one->column ? one->column : 1, one->rule);
			print_text(one->message);
			putchar('\n');
		}
}

static const struct format formats[] = {
	{ "text", write_text }, { "line", write_lines }, { "json", write_json }, { "github", write_github }
};

const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

/* ---- Rules --------------------------------------------------------------------------------------------------------- */

static void add_rule(struct hm_buffer *text, const char *name, const char *category, const char *summary, bool json)
{
	if (!json) {
		hm_buffer_printf(text, "%-9s %-34s %s\n", category, name, summary);
		return;
	}
	hm_buffer_add_text(text, text->size ? ",\n{" : "[\n{");
	add_text(text, "rule", name);
	hm_buffer_add_text(text, ",");
	add_text(text, "category", category);
	hm_buffer_add_text(text, ",");
	add_text(text, "summary", summary);
	hm_buffer_add_text(text, "}");
}

void report_rules(const struct contract_rule *contracts, bool json)
{
	const struct rule *rule;
	struct hm_buffer text = { 0 };

	for (size_t i = 0; (rule = rules_all(i)); i++)
		add_rule(&text, rule->name, rule->category, rule->summary, json);
	for (; contracts; contracts = contracts->next)
		add_rule(&text, contracts->name, contracts->category, contracts->summary, json);
	if (json)
		hm_buffer_add_text(&text, "\n]\n");
	fwrite(text.data, 1, text.size, stdout);
	hm_buffer_fini(&text);
}

bool report_page(const char *rule)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (!strcmp(pages[i].name, rule)) {
			fputs(pages[i].text, stdout);
			return true;
		}
	return false;
}
