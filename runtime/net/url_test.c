/* Where packets may travel, and where not. */
#include "net/url.h"

#include <criterion/criterion.h>

static const char *const kept[] = {
	"inproc://follows",
	"ipc:///run/hallmark/follows.sock",
	"ipc://var/run/follows.sock",
	"tcp://127.0.0.1:7003",
	"tcp://127.3.2.1:0",
	"tcp://[::1]:7003",
	"tcp://localhost:7003",
	"tls+tcp://127.0.0.1:7003",
	"tls+tcp://accounting.example.com:7003",
	"tls+tcp://[2001:db8::7]:7",
	"tls+tcp://0.0.0.0:7003",
	"tls+tcp://*:7003",
	"tls+tcp://:0",
};

static const char *const refused[] = {
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
	"tcp://127.0.0.1:",
	"tcp://127.0.0.1:7003/x",
	"tcp://localhost:@10.0.0.7:7003",
	"tcp://127.0.0.1:@10.0.0.7:7003",
	"tcp://[::1]:@10.0.0.7:7003",
	"tcp://127.0.0.1000000000:7003",
	"tcp://",
	"tls+tcp://10.0.0.7",
	"tls+tcp://10.0.0.7:",
	"tls+tcp://10.0.0.7:70033",
	"tls+tcp://10.0.0.7:7003/x",
	"tls+tcp://10.0.0.7:-1",
	"tls+tcp://2001:db8::7:7003",
	"tls+tcp://",
	"tls+tcp:10.0.0.7:7003",
	"ws://127.0.0.1:7003",
	"abstract://follows",
	"follows",
	"",
};

Test(url, what_stays_on_the_host_or_is_encrypted_is_taken)
{
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		cr_expect_eq(hm_url_check(kept[i]), HM_OK, "%s", kept[i]);
}

Test(url, what_would_leave_the_host_unencrypted_is_refused)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		cr_expect_eq(hm_url_check(refused[i]), HM_INVALID_ARGUMENT, "%s", refused[i]);
}
