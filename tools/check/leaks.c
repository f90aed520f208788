/* Leaks that are not ours: libpg_query forgets a byte for each body that it cannot read. Read by LeakSanitizer alone. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libpg_query.so\n";
}
