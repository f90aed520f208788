/*
 * Races that are not ours: nng 1.5 frees a dialer on its reaping thread while the lock that another thread has just left is still told
 * to be held (its reference counts are not instrumented). Read by ThreadSanitizer alone; linked into every stress program.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
	return "race_top:pthread_mutex_destroy\n";
}
