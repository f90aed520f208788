/*
 * Migration text: statements and places in SQL text. Needs no database.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* sql_statement_find finds the statement at or behind text + from: where its first word begins and where it ends, behind
 * its semicolon. false: there is none. Knows strings, quoted names, dollar quotes, comments and BEGIN ATOMIC bodies. */
bool sql_statement_find(const char *text, size_t from, size_t *ret_begin, size_t *ret_end);

/* sql_token_find finds the word, string, quoted name or single sign at or behind text + from, past blanks and comments. false: there
 * is none. */
bool sql_token_find(const char *text, size_t from, size_t *ret_begin, size_t *ret_end);

/* text_place turns a byte's offset into line and column (of characters), both from 1. */
void text_place(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column);

/* text_offset turns PostgreSQL's error position, characters from 1, into a byte's offset. */
size_t text_offset(const char *text, unsigned long position);
