/* hallmark token: logging in, and calls made with the token that was kept. */
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/password.h"
#include "tests/cli.h"
#include "tests/identity.h"

#define LIST "platform.v1.Platform/ListBrands"

static const char right_password[] = "correct horse\n";

/* Serves all, with a user ana of brand loop who may read brands. */
static void serve_with_ana(void)
{
	struct fixture f;
	const char *id;

	hm_password_set_cost(8192, 1, 4);
	f = cli_serving_all();
	must(hm_channel_open("identity", &f.channel));
	id = test_user(&f, "ana");
	test_role(&f, id, "reader", "platform.brands.read");
	hm_channel_close(f.channel);
}

Test(cli, a_login_keeps_a_token_that_calls_are_made_with)
{
	struct child_result r;

	serve_with_ana();
	r = hallmark_with(right_password, "token", "login", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(r.out.size, 0);
	ends(hallmark("call", LIST, "--brand", "loop", "--as", "ana", NULL), 0);
	r = hallmark("token", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(strncmp(r.out.data, "v4.public.", 10), 0);
}

Test(cli, a_wrong_password_and_an_unknown_name_are_answered_alike)
{
	struct child_result wrong, unknown;

	serve_with_ana();
	wrong = hallmark_with("guess\n", "token", "login", "--brand", "loop", "--as", "ana", NULL);
	unknown = hallmark_with("guess\n", "token", "login", "--brand", "loop", "--as", "zoe", NULL);
	ends(wrong, 1);
	ends(unknown, 1);
	shows(wrong.err.data, "UNAUTHENTICATED");
	cr_assert_eq(strncmp(wrong.err.data, unknown.err.data, strcspn(wrong.err.data, "\n")), 0);
	ends(hallmark("call", LIST, "--brand", "loop", "--as", "ana", NULL), 1);
}

Test(cli, a_login_without_a_password_is_none)
{
	struct child_result r;

	serve_with_ana();
	r = hallmark("token", "login", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "no password on standard input");
	r = hallmark_with(right_password, "token", "login", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "--brand BRAND --as NAME");
}

/* Runs hallmark token login at a terminal of its own, of which *ret_terminal is our end, up to the prompt. */
static pid_t prompt(int *ret_terminal)
{
	struct hm_buffer seen = { 0 };
	const char *program = cli_program();
	pid_t pid = forkpty(ret_terminal, NULL, NULL, NULL);

	if (!pid) {
		execl(program, program, "token", "login", "--brand", "loop", "--as", "ana", (char *)NULL);
		_exit(127);
	}
	cr_assert_gt(pid, 0);
	while (!seen.size || !strstr(seen.data, "password: ")) {
		ssize_t got = read(*ret_terminal, hm_buffer_reserve(&seen, 64), 63);

		cr_assert_gt(got, 0, "no prompt: %s", seen.size ? seen.data : "nothing");
		hm_buffer_advance(&seen, (size_t)got);
		hm_buffer_add(&seen, "", 1);
		seen.size--;
	}
	hm_buffer_fini(&seen);
	return pid;
}

static bool echoes(int terminal)
{
	struct termios settings;

	cr_assert_eq(tcgetattr(terminal, &settings), 0);
	return settings.c_lflag & ECHO;
}

Test(cli, a_password_is_not_shown_and_who_gives_up_has_his_terminal_back)
{
	int terminal, status;
	pid_t pid = prompt(&terminal);

	cr_assert_not(echoes(terminal));
	cr_assert_eq(write(terminal, "corr\003", 5), 5);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "status %x", status);
	cr_assert(echoes(terminal));
	close(terminal);
}
