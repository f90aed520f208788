/* Where packets may travel, and where not. */
#include "net/url.h"

#include <criterion/criterion.h>

static const char *const near[] = {
	"inproc://follows",           "ipc:///run/hallmark/follows.sock",
	"ipc://var/run/follows.sock", "tcp://127.0.0.1:7003",
	"tcp://127.3.2.1:0",          "tcp://[::1]:7003",
	"tcp://localhost:7003",
};

static const char *const far[] = {
	"tcp://0.0.0.0:7003",
	"tcp://*:7003",
	"tcp://:7003",
	"tcp://10.0.0.7:7003",
	"tcp://[::]:7003",
	"tcp://[::ffff:1]:7003",
	"tcp://example.com:7003",
	"tcp://127.0.0.1.example.com:7003",
	"tcp://localhost.example.com:7003",
	"tcp://127.0.0.1",
	"tcp://127.0.0.1000000000:7003",
	"tcp://",
	"tls+tcp://127.0.0.1:7003",
	"ws://127.0.0.1:7003",
	"abstract://follows",
	"follows",
	"",
};

Test(url, what_stays_on_the_host_is_taken)
{
	for (size_t i = 0; i < sizeof near / sizeof *near; i++)
		cr_expect_eq(hm_url_check(near[i]), HM_OK, "%s", near[i]);
}

Test(url, what_would_leave_the_host_unencrypted_is_refused)
{
	for (size_t i = 0; i < sizeof far / sizeof *far; i++)
		cr_expect_eq(hm_url_check(far[i]), HM_INVALID_ARGUMENT, "%s", far[i]);
}
