/* Migration text: where statements begin and end, and places in it. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/migrate_text.h"

/* The first words of a text's statements, each followed by a space. */
static const char *first_words(const char *text)
{
	static char words[256];
	size_t begin, end = 0;

	*words = 0;
	while (sql_statement_find(text, end, &begin, &end)) {
		strncat(words, text + begin, strcspn(text + begin, " ;\n"));
		strcat(words, " ");
	}
	return words;
}

Test(migrate_text, finds_statements)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "" },
		{ " -- nothing\n /* at ; all */ ;; ", "" },
		{ "a; b ;c", "a b c " },
		{ "a ';' ; b", "a b " },
		{ "a 'it''s;' ; b", "a b " },
		{ "a '\\' ; b", "a b " },
		{ "a E'\\';' ; b", "a b " },
		{ "a \";\" ; b", "a b " },
		{ "a -- ;\n ; b", "a b " },
		{ "a /* ; /* ; */ ; */ ; b", "a b " },
		{ "a $$ ; $$ ; b", "a b " },
		{ "a $x$ ; $$ ; $y$ $x$ ; b", "a b " },
		{ "a $1 ; b", "a b " },
		{ "a x$y$z ; b $y$ ;", "a b " },
		{ "create function f() begin atomic select case when true then 1 end; end; b", "create b " },
		{ "a 'never ends ; b", "a " },
		{ "a $$ never ends ; b", "a " },
		{ "a /* never ends ; b", "a " },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_str_eq(first_words(cases[i].text), cases[i].words, "%s", cases[i].text);
}

Test(migrate_text, counts_lines_and_characters_not_bytes)
{
	static const char text[] = "eins;\n\"größe\" x";
	unsigned line, column;

	text_place(text, (size_t)(strchr(text, 'x') - text), &line, &column);
	cr_expect_eq(line, 2);
	cr_expect_eq(column, 9);
	cr_expect_eq(text_offset(text, 15), (size_t)(strchr(text, 'x') - text));
	cr_expect_eq(text_offset(text, 1), 0);
	cr_expect_eq(text_offset(text, 1000), strlen(text));
}
