/* sandbox.h - what a process gives up once it is ready: core dumps, new privileges, system calls.
 *
 * Profiles are named rows (sandbox.def): profile, system call, reason. A call outside the profile kills
 * the process (SIGSYS), so that a stolen process cannot probe. */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

#include "base/buf.h"

enum sandbox_profile {
#define PROFILE(name, prose) SANDBOX_##name,
#define CALL(profile, call, why)
#include "host/sandbox.def"
#undef PROFILE
#undef CALL
    SANDBOX__N
};
const char *sandbox_profile_name(enum sandbox_profile p);

/* First thing in main: no core dumps (RLIMIT_CORE 0) and not dumpable by others of the same user
 * (PR_SET_DUMPABLE 0), unless built with -Dinspect=true; umask 077. ERR_IO. */
MUST_USE enum err sandbox_no_dumps(void);
/* Raises the soft limit on descriptors to at most n (never above the hard one). */
void sandbox_descriptors(uint64_t n);
/* No new privileges, then the profile's allow-list for all threads of the process. Cannot be undone.
 * ERR_IO, ERR_UNSUPPORTED (a kernel without seccomp). */
MUST_USE enum err sandbox_enter(enum sandbox_profile p);
/* The same with a caller's own list of names, for processes whose list is their own table. */
MUST_USE enum err sandbox_enter_list(const char *const *calls, size_t n);

#endif
