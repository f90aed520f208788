/* Worker: a niceness, which Linux keeps for each thread by itself. */
#include "server/worker.h"

#include <unistd.h>

enum { NICENESS = 10 }; /* a tenth of the weight: one reader is worth as many workers as usually have work at once */

void hm_worker_begin(void)
{
	(void)!nice(NICENESS);
}
