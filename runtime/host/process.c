/* Process: what Linux knows of this one, from /proc/self, under the names that Prometheus' own clients use. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/metrics.h"

static void collect_time(struct hm_exposition *exposition)
{
	static const struct hm_metric metric = { "process_cpu_seconds_total", HM_COUNTER,
						 "Processor time used, user's and system's." };
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return;
	hm_exposition_add(exposition, &metric,
			  (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / HM_US_PER_S,
			  NULL);
}

static void collect_memory(struct hm_exposition *exposition)
{
	static const struct hm_metric size = { "process_virtual_memory_bytes", HM_GAUGE, "Address space." };
	static const struct hm_metric resident = { "process_resident_memory_bytes", HM_GAUGE, "Memory in use." };
	const double page = (double)sysconf(_SC_PAGESIZE);
	unsigned long pages, resident_pages;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return;
	if (fscanf(file, "%lu %lu", &pages, &resident_pages) == 2) {
		hm_exposition_add(exposition, &size, (double)pages * page, NULL);
		hm_exposition_add(exposition, &resident, (double)resident_pages * page, NULL);
	}
	fclose(file);
}

static void collect_entries(struct hm_exposition *exposition, const struct hm_metric *metric, const char *folder,
			    int others)
{
	DIR *entries = opendir(folder);
	int count = -others;

	if (!entries)
		return;
	while (readdir(entries))
		count++;
	closedir(entries);
	hm_exposition_add(exposition, metric, count, NULL);
}

void hm_process_collect(void *user, struct hm_exposition *exposition)
{
	static const struct hm_metric descriptors = { "process_open_fds", HM_GAUGE, "Open file descriptors." };
	static const struct hm_metric threads = { "process_threads", HM_GAUGE, "Threads." };

	(void)user;
	collect_time(exposition);
	collect_memory(exposition);
	collect_entries(exposition, &descriptors, "/proc/self/fd", 3); /* ".", ".." and the one it is read by */
	collect_entries(exposition, &threads, "/proc/self/task", 2);
}
