/* Line: two TUN devices and a queue each way. Packets keep their order, as on one wire; TCP sees loss, delay and silence. */
#include "tests/faults/faults.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { PACKET_BYTES = 2048, QUEUE = 4096 };

struct packet {
	int64_t due_us;
	ssize_t size;
	uint8_t bytes[PACKET_BYTES];
};

static struct queue {
	struct packet packets[QUEUE];
	unsigned first, count;
	int64_t last_us;
} queues[2];

static bool set_address(int file, unsigned long what, struct ifreq *request, const char *address)
{
	struct sockaddr_in name = { .sin_family = AF_INET };

	inet_pton(AF_INET, address, &name.sin_addr);
	memcpy(&request->ifr_addr, &name, sizeof name);
	return !ioctl(file, what, request);
}

static bool bring_up(int file, struct ifreq *request)
{
	request->ifr_flags = IFF_UP | IFF_RUNNING;
	return !ioctl(file, SIOCSIFFLAGS, request);
}

int line_end(const char *own, const char *other)
{
	struct ifreq device = { .ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "line" }, loopback = { .ifr_name = "lo" };
	int end = -1, file = -1;
	bool is_up = false;

	if (!unshare(CLONE_NEWNET) && (end = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)) >= 0 &&
	    (file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0)
		is_up = !ioctl(end, TUNSETIFF, &device) && set_address(file, SIOCSIFADDR, &device, own) &&
			set_address(file, SIOCSIFDSTADDR, &device, other) && bring_up(file, &device) &&
			bring_up(file, &loopback);
	if (file >= 0)
		close(file);
	if (!is_up && end >= 0)
		close(end);
	return is_up ? end : -1;
}

static void take(int end, struct queue *queue, bool is_cut, const struct weather *weather)
{
	struct packet *packet = &queue->packets[(queue->first + queue->count) % QUEUE];
	int64_t delay_us = weather->delay_ms * HM_US_PER_MS;

	packet->size = read(end, packet->bytes, PACKET_BYTES);
	if (packet->size <= 0 || is_cut || queue->count == QUEUE - 1 || random() % 1000 < (long)weather->loss_permille)
		return;
	if (weather->jitter_ms)
		delay_us += random() % (weather->jitter_ms * HM_US_PER_MS);
	packet->due_us = hm_clock_mono_us() + delay_us;
	if (packet->due_us < queue->last_us)
		packet->due_us = queue->last_us;
	queue->last_us = packet->due_us;
	queue->count++;
}

/* A device that takes no more drops it, as a wire would. */
static void give(int end, struct queue *queue, int64_t now_us)
{
	while (queue->count && queue->packets[queue->first].due_us <= now_us) {
		const struct packet *packet = &queue->packets[queue->first];

		if (write(end, packet->bytes, (size_t)packet->size) < 0)
			queue->last_us = now_us;
		queue->first = (queue->first + 1) % QUEUE;
		queue->count--;
	}
}

void line_pass(const int ends[2], const struct weather *weather)
{
	struct pollfd files[2] = { { .fd = ends[0], .events = POLLIN }, { .fd = ends[1], .events = POLLIN } };
	int64_t until_us = hm_clock_mono_us() + weather->ms * HM_US_PER_MS, now_us;

	while ((now_us = hm_clock_mono_us()) < until_us) {
		poll(files, 2, 1);
		for (int to = 0; to < 2; to++) {
			if (files[to].revents & POLLIN)
				take(ends[to], &queues[to], weather->is_cut[to], weather);
			give(ends[!to], &queues[to], now_us);
		}
	}
}
