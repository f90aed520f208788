/*
 * Password: the terminal's echo is off while it is typed, and on again whatever ends that. Read byte by byte, past stdio, whose
 * buffer would keep it.
 */
#include "password.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static const int ending[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };
enum { N_ENDING = sizeof ending / sizeof *ending };

static struct termios shown; /* the terminal's settings before */

/* Set with SA_RESETHAND: the same signal once more ends the program, as soon as this has returned. */
static void end_shown(int signal_number)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	raise(signal_number);
}

/* The signals first: from then on the settings are known to whoever must restore them. */
static void hide(struct sigaction before[static N_ENDING])
{
	const struct sigaction action = { .sa_handler = end_shown, .sa_flags = SA_RESETHAND };
	struct termios hidden = shown;

	for (size_t i = 0; i < N_ENDING; i++)
		sigaction(ending[i], &action, &before[i]);
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
}

static void show(const struct sigaction before[static N_ENDING])
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaction(ending[i], &before[i], NULL);
}

static hm_status read_line(char ret_password[PASSWORD_BYTES])
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(STDIN_FILENO, ret_password + n, 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || ret_password[n] == '\n')
			break;
		if (++n == PASSWORD_BYTES)
			return hm_raise(INVALID_ARGUMENT, "a password has at most %d bytes", PASSWORD_BYTES - 1);
	}
	if (got <= 0 && !n)
		return hm_raise(INVALID_ARGUMENT, "no password on standard input");
	ret_password[n] = '\0';
	return HM_OK;
}

hm_status password_read(char ret_password[PASSWORD_BYTES])
{
	struct sigaction before[N_ENDING];
	hm_status status;

	if (tcgetattr(STDIN_FILENO, &shown))
		return read_line(ret_password);
	hide(before);
	fprintf(stderr, "password: ");
	status = read_line(ret_password);
	show(before);
	fputc('\n', stderr);
	return status;
}
