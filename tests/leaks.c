/* Leaks that are not ours: Criterion 2.4.1 keeps 48 bytes of its own until its process ends. Read by LeakSanitizer alone. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libcriterion.so\n";
}
