/* cell_bites ROOM CALL - enters the very filter of a room of oneseal-ttp (src/ttp/cell.def), as the room does under the
 * filter that it inherits from its parent, and makes one system call. With a call that the room does not keep it dies
 * of SIGSYS; "none" makes no call and leaves with 0. */
#include "ttp/cell.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    long number, a, b, c;
} calls[] = {
    {"none", -1, 0, 0, 0},
    {"socket", SYS_socket, AF_INET, SOCK_STREAM, 0},
    {"connect", SYS_connect, 3, 0, 0},
    {"bind", SYS_bind, 3, 0, 0},
    {"openat", SYS_openat, AT_FDCWD, (long)"/etc/passwd", O_RDONLY},
    {"open", SYS_open, (long)"/etc/passwd", O_RDONLY, 0},
    {"unlink", SYS_unlink, (long)"/tmp/none", 0, 0},
    {"execve", SYS_execve, (long)"/bin/true", 0, 0},
    {"fork", SYS_fork, 0, 0, 0},
    {"clone", SYS_clone, SIGCHLD, 0, 0},
    {"clone3", SYS_clone3, 0, 0, 0},
    {"socketpair", SYS_socketpair, -1, 0, 0},
    {"listen", SYS_listen, -1, 0, 0},
    {"wait4", SYS_wait4, -1, 0, WNOHANG},
    {"seccomp", SYS_seccomp, -1, 0, 0},
    {"mount", SYS_mount, 0, 0, 0},
    {"pivot_root", SYS_pivot_root, 0, 0, 0},
    {"chroot", SYS_chroot, 0, 0, 0},
    {"unshare", SYS_unshare, 0, 0, 0},
    {"setns", SYS_setns, -1, 0, 0},
    {"init_module", SYS_init_module, 0, 0, 0},
    {"finit_module", SYS_finit_module, -1, 0, 0},
    {"kexec_load", SYS_kexec_load, 0, -1, 0},
    {"bpf", SYS_bpf, -1, 0, 0},
    {"perf_event_open", SYS_perf_event_open, 0, 0, 0},
    {"keyctl", SYS_keyctl, -1, 0, 0},
    {"add_key", SYS_add_key, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 0, 0, 0},
    {"userfaultfd", SYS_userfaultfd, -1, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0},
    {"setuid", SYS_setuid, -1, 0, 0},
    {"chmod", SYS_chmod, (long)"/tmp/none", 0, 0},
    {"mkdir", SYS_mkdir, (long)"/proc/none", 0, 0},
    {"process_vm_writev", SYS_process_vm_writev, 1, 0, 0},
    {"getrandom", SYS_getrandom, 0, 0, 0},
    {"poll", SYS_poll, 0, 0, 0},
    {"fcntl", SYS_fcntl, 0, F_GETFD, 0},
    {"kill", SYS_kill, 1, 0, 0},
    {"ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, 1, 0, 0},
    {"prctl", SYS_prctl, 4, 1, 0},
    {"setrlimit", SYS_setrlimit, 4, 0, 0},
    {"fsync", SYS_fsync, 0, 0, 0},
    {"accept4", SYS_accept4, 0, 0, 0},
    {"sendto", SYS_sendto, 0, 0, 0},
    {"epoll_create1", SYS_epoll_create1, 0, 0, 0},
    {"memfd_create", SYS_memfd_create, (long)"x", 0, 0},
    {"write", SYS_write, 1, (long)"", 0},
};

int main(int argc, char **argv)
{
    static const char *const rooms[CELL__N] = {
        [CELL_PARENT] = "parent", [CELL_UNSEALER] = "unsealer", [CELL_VAULT] = "vault", [CELL_LEDGER] = "ledger",
        [CELL_FRONT] = "front",   [CELL_COURIER] = "courier",   [CELL_HALL] = "hall",   [CELL_TELLER] = "teller"};
    if (argc != 3)
        return 2;
    size_t room = 0, call = 0;
    while (room < LEN(rooms) && (!rooms[room] || strcmp(argv[1], rooms[room]) != 0))
        room++;
    while (call < LEN(calls) && strcmp(argv[2], calls[call].name) != 0)
        call++;
    if (room == LEN(rooms) || call == LEN(calls) ||
        cell_enter(room == CELL_COURIER ? CELL_PARENT_OUT : CELL_PARENT) != OK)
        return 2;
    if (room == CELL_TELLER && cell_enter(CELL_HALL) != OK)
        return 2;
    if (room != CELL_PARENT && cell_enter((enum cell_room)room) != OK)
        return 2;
    if (calls[call].number >= 0)
        syscall(calls[call].number, calls[call].a, calls[call].b, calls[call].c);
    _exit(0);
}
