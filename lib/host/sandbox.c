#include "host/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct {
    enum sandbox_profile profile;
    const char *call;
} call_row[] = {
#define PROFILE(name, prose)
#define CALL(profile, call, why) {SANDBOX_##profile, #call},
#include "host/sandbox.def"
#undef PROFILE
#undef CALL
};

const char *sandbox_profile_name(enum sandbox_profile p)
{
    static const char *const name[] = {
#define PROFILE(name, prose) #name,
#define CALL(profile, call, why)
#include "host/sandbox.def"
#undef PROFILE
#undef CALL
    };
    return (size_t)p < LEN(name) ? name[p] : "?";
}

enum err sandbox_no_dumps(void)
{
    umask(077);
#ifndef ONESEAL_INSPECT
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ERR_IO;
#endif
    return OK;
}

void sandbox_descriptors(uint64_t n)
{
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= n)
        return;
    now.rlim_cur = n < now.rlim_max ? n : now.rlim_max;
    setrlimit(RLIMIT_NOFILE, &now);
}

/* Sanitizers make calls of their own (the leak checker stops all threads and reads /proc). Builds with them are
 * for tests only; the calls that a test forbids must not be among these. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif
#ifdef HAVE_SANITIZER
static const char *const sanitizer_calls[] = {
    "arch_prctl",
    "brk",
    "clone",
    "close",
    "exit",
    "exit_group",
    "fstat",
    "futex",
    "getdents64",
    "getdents",
    "getpid",
    "getppid",
    "gettid",
    "gettimeofday",
    "kill",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "newfstatat",
    "open",
    "openat",
    "prctl",
    "prlimit64",
    "process_vm_readv",
    "ptrace",
    "read",
    "readlink",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_yield",
    "setitimer",
    "sigaltstack",
    "stat",
    "tgkill",
    "uname",
    "wait4",
    "write",
    "sched_getaffinity",
};
#else
static const char *const sanitizer_calls[] = {"exit_group"};
#endif

static enum err allow(scmp_filter_ctx f, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return ERR_NOTFOUND;
    int r = number < 0 ? 0 : seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0); /* < 0: not on this architecture */
    return r == 0 ? OK : r == -ENOMEM ? ERR_NOMEM : ERR_IO;
}

static enum err load(scmp_filter_ctx f, const char *const *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        TRY(allow(f, calls[i]));
    for (size_t i = 0; i < LEN(sanitizer_calls); i++)
        TRY(allow(f, sanitizer_calls[i]));
    if (seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) != 0) /* all threads, or none */
        return ERR_UNSUPPORTED;
    int r = seccomp_load(f);
    return r == 0 ? OK : r == -EINVAL || r == -ENOSYS ? ERR_UNSUPPORTED : ERR_IO;
}

enum err sandbox_enter_list(const char *const *calls, size_t n)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ERR_IO;
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!f)
        return ERR_NOMEM;
    enum err e = load(f, calls, n);
    seccomp_release(f);
    return e;
}

enum err sandbox_enter(enum sandbox_profile p)
{
    const char *list[LEN(call_row)];
    size_t n = 0;
    for (size_t i = 0; i < LEN(call_row); i++)
        if (call_row[i].profile == p)
            list[n++] = call_row[i].call;
    return sandbox_enter_list(list, n);
}
