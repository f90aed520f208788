/* Resolver, file: read whole each time, as neither its time nor its size would tell of every change. */
#include <stdlib.h>
#include <string.h>

#include "base/text_file.h"
#include "client/resolver.h"
#include "net/url.h"

static const char blanks[] = " \t\r";

hm_status hm_file_check(const char *target)
{
	if (*target != '/')
		return hm_raise(INVALID_ARGUMENT, "file://%s: write file:///PATH", target);
	return HM_OK;
}

static hm_status read_weight(const char *text, uint8_t *ret_weight)
{
	char *end;
	unsigned long weight = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !weight || weight > HM_WEIGHT_MAX)
		return hm_raise(INVALID_ARGUMENT, "\"%s\" is no weight: a number from 1 to %d", text, HM_WEIGHT_MAX);
	*ret_weight = (uint8_t)weight;
	return HM_OK;
}

/* The next word of the line; NULL at its end, or where a comment begins. */
static const char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, blanks);

	*rest = word + strcspn(word, blanks);
	if (**rest)
		*(*rest)++ = '\0';
	return *word && *word != '#' ? word : NULL;
}

/* URL [WEIGHT] [# comment] */
static hm_status take_line(char *line, struct hm_endpoints *endpoints)
{
	const char *url, *weight_text;
	uint8_t weight = 1;

	url = next_word(&line);
	if (!url)
		return HM_OK;
	weight_text = next_word(&line);
	if (weight_text) {
		TRY(read_weight(weight_text, &weight));
		if (next_word(&line))
			return hm_raise(INVALID_ARGUMENT, "there is more behind the weight");
	}
	TRY(hm_url_check(url));
	return hm_endpoints_add(endpoints, url, strlen(url), weight);
}

hm_status hm_file_parse(const char *path, char *text, struct hm_endpoints *ret_endpoints)
{
	char *rest = text;
	unsigned number = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		number++;
		if (take_line(line, ret_endpoints) != HM_OK) {
			const struct hm_error wrong = *hm_error_get();

			return hm_raise(INVALID_ARGUMENT, "%s:%u: %s", path, number, wrong.message);
		}
	}
	return HM_OK;
}

hm_status hm_file_resolve(const char *path, struct hm_endpoints *ret_endpoints)
{
	struct hm_buffer text = { 0 };
	hm_status status = hm_text_file_read(path, &text);

	if (status == HM_OK)
		status = hm_file_parse(path, text.data, ret_endpoints);
	hm_buffer_fini(&text);
	return status;
}
