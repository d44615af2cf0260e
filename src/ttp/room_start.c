/* A room is this same program, executed again with a role and the few descriptors of that role. */
#include "ttp/room.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { ASIDE = 64 };

/* In the child: exactly these descriptors from 3 on, then the program again. */
_Noreturn void room_become(const char *role, const int *fd, int n, pid_t parent)
{
    char flag[32], title[48];
    int aside[ROOM_FDS_MOST];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ROOM_ALONE);
    for (int i = 0; i < n; i++)
        aside[i] = fcntl(fd[i], F_DUPFD, ASIDE);
    for (int i = 0; i < n; i++)
        if (aside[i] < 0 || dup2(aside[i], 3 + i) < 0)
            _exit(ROOM_FAILED);
    close_range((unsigned)(3 + n), ~0U, 0);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    if (null > 2)
        close(null);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(flag, sizeof flag, "--room=%s", role);
    snprintf(title, sizeof title, "oneseal-ttp: %s", role);
    execv("/proc/self/exe", (char *const[]){title, flag, NULL});
    _exit(ROOM_FAILED);
}
