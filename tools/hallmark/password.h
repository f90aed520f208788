/* Password: one line that nobody reads over a shoulder, nor in a list of processes. */
#pragma once
#include "base/status.h"

enum { PASSWORD_BYTES = 1024 };

/* password_read asks at the terminal without showing what is typed, or takes a line of standard input. A signal that ends the program
 * meanwhile (Ctrl-C) finds the terminal as it was. The caller wipes it. INVALID_ARGUMENT: there is none, or no end of it. */
hm_status password_read(char ret_password[PASSWORD_BYTES]);
