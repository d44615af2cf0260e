#include "host/heap.h"
#include "host/log.h"
#include "ttp/parent.h"
#include "ttp/unsealer_custody.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static bool next_is_there(struct parent *p)
{
    char path[4200];
    int fd = open(parent_path(p, "xk.next", path), O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static enum err make_next(struct parent *p)
{
    char path[4200];
    uint8_t raw[CUSTODY_XK];
    if (RAND_bytes(raw, sizeof raw) != 1)
        return ERR_CRYPTO;
    enum err e = file_replace(parent_path(p, "xk.next", path), span_of(raw, sizeof raw), 0600);
    wipe(raw, sizeof raw);
    return e;
}

/* In its place, so that a disk that writes where it is told keeps nothing. */
static enum err overwrite(struct parent *p, const char *name)
{
    char path[4200];
    uint8_t raw[CUSTODY_XK];
    if (RAND_bytes(raw, sizeof raw) != 1)
        return ERR_CRYPTO;
    int fd = open(parent_path(p, name, path), O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, raw, sizeof raw) == (ssize_t)sizeof raw && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good ? OK : ERR_IO;
}

static void sync_folder(struct parent *p)
{
    int fd = open(p->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) != 0)
        LOG(LOG_L_WARN, "xk-folder", log_str("what", "the state folder could not be synced"));
    if (fd >= 0)
        close(fd);
}

/* Dying between the two leaves an xk that opens nothing and an xk.next that does. */
static enum err promote(struct parent *p)
{
    char next[4200], xk[4200];
    TRY(overwrite(p, "xk"));
    if (rename(parent_path(p, "xk.next", next), parent_path(p, "xk", xk)) != 0)
        return ERR_IO;
    sync_folder(p);
    LOG(LOG_L_NOTICE, "xk-replaced",
        log_str("what", "copies of the old XK open backups of their day only; whoever keeps copies needs new ones"));
    return OK;
}

static void discard(struct parent *p)
{
    char path[4200];
    if (overwrite(p, "xk.next") != OK || unlink(parent_path(p, "xk.next", path)) != 0)
        LOG(LOG_L_ERROR, "xk-next", log_str("what", "STATE/xk.next, which opens nothing, cannot be removed"));
    sync_folder(p);
}

/* ---- the unsealer once more ------------------------------------------------------------------------------------- */

static enum err run(struct parent *p)
{
    char path[4200];
    int fd[UNSEALER_FDS] = {parent_custody_secret(p), -1, -1, p->rekey.pipe, -1, -1};
    fd[1] = open(parent_path(p, "custody", path), O_RDONLY | O_CLOEXEC);
    fd[2] = open(parent_path(p, "xk.next", path), O_RDONLY | O_CLOEXEC);
    fd[4] = open("/dev/null", O_RDWR | O_CLOEXEC);
    fd[5] = p->custody.device >= 0 ? p->custody.device : fd[4];
    bool good = fd[0] >= 0 && fd[1] >= 0 && fd[2] >= 0 && fd[3] >= 0 && fd[4] >= 0;
    enum err e = good ? parent_unsealer(p, fd) : ERR_IO;
    const int ours[] = {fd[0], fd[1], fd[2], fd[4]};
    for (size_t i = 0; i < LEN(ours); i++)
        if (ours[i] >= 0)
            close(ours[i]);
    return e;
}

/* ---- starting --------------------------------------------------------------------------------------------------- */

void parent_rekey_start(struct parent *p, int pipe)
{
    p->rekey.pipe = pipe >= 0 ? fcntl(pipe, F_DUPFD_CLOEXEC, 3) : -1;
    p->rekey.second = p->rekey.pipe >= 0 && !p->init && next_is_there(p);
}

void parent_rekey_stop(struct parent *p)
{
    if (p->rekey.pipe >= 0)
        close(p->rekey.pipe);
    /* xk.next stays: the next start offers both. Whoever waits is told by parent_desk_lost. */
    p->rekey = (struct parent_rekey){.pipe = -1, .last_ms = p->rekey.last_ms};
}

void parent_rekey_tell(struct parent *p)
{
    if (p->rekey.second)
        msg_put_ROOT_ALSO(&p->link[P_VAULT].out, &(struct msg_ROOT_ALSO){.n = 1});
}

void parent_rekey_is(struct parent *p, bool other)
{
    LOG(LOG_L_NOTICE, "rekey-resumed", log_str("opens", other ? "the new XK" : "the old XK"));
    if (!other)
        discard(p);
    else if (promote(p) != OK)
        LOG(LOG_L_ERROR, "xk", log_str("what", "STATE/xk.next opens the state and cannot take the place of xk"));
}

/* ---- while it serves -------------------------------------------------------------------------------------------- */

static struct parent_call *waiting(struct parent *p)
{
    for (size_t i = 0; p->rekey.call != 0 && i < DESK_CALLS; i++)
        if (p->desk.call[i].fd >= 0 && p->desk.call[i].waiting && p->desk.call[i].id == p->rekey.call)
            return &p->desk.call[i];
    return NULL;
}

static void over(struct parent *p, bool good, const char *why)
{
    struct parent_call *c = waiting(p);
    p->rekey.running = p->rekey.wrapping = false;
    p->rekey.call = 0;
    if (!good)
        LOG(LOG_L_ERROR, "rekey-failed", log_str("what", why));
    if (c && good)
        parent_answer(c, 200,
                      SPAN("{\"v\":1,\"ok\":true,\"xk\":\"replaced\",\"old\":\"overwritten; it opens backups of "
                           "its day for whoever kept a copy\"}"));
    else if (c)
        parent_refuse(p, c, 503, "failed", why, "oneseal ttp status; then again");
}

static enum err begin(struct parent *p)
{
    TRY(make_next(p));
    enum err e = run(p);
    p->rekey.running = e == OK;
    if (e != OK)
        discard(p);
    return e;
}

static bool busy(const struct parent *p)
{
    return p->rekey.running || p->rekey.wrapping || p->rekey.second || p->pid[P_UNSEALER] > 0;
}

bool parent_rekey_unsealed(struct parent *p, bool good)
{
    if (p->rekey.running) {
        p->rekey.running = false;
        p->rekey.wrapping = good;
        if (good) {
            msg_put_REWRAP(&p->link[P_VAULT].out, &(struct msg_REWRAP){.id = 1});
        } else {
            discard(p);
            over(p, false, "the unsealer could not make another root");
        }
        return true;
    }
    if (!p->rekey.second || !good)
        return false;
    p->rekey.second = false;
    return run(p) == OK;
}

void parent_rekey_done(struct parent *p, bool done, struct span why)
{
    char text[256];
    if (!p->rekey.wrapping)
        return;
    snprintf(text, sizeof text, "%.*s", (int)(why.n < 200 ? why.n : 200), (const char *)why.p);
    if (!done)
        discard(p);
    bool good = done && promote(p) == OK;
    over(p, good, done ? "STATE/xk.next opens the state and cannot take the place of xk" : text);
}

void parent_rekey_wanted(struct parent *p)
{
    if (busy(p) || p->rekey.pipe < 0 || p->custody.attended) {
        LOG(LOG_L_NOTICE, "rekey-wanted",
            log_str("what", "keys were shredded; older backups open them until XK is replaced: oneseal ttp rekey"));
        return;
    }
    if (p->rekey.last_ms != 0 && now_ms() - p->rekey.last_ms < REKEY_EVERY_MS) {
        LOG(LOG_L_NOTICE, "rekey-wanted",
            log_str("what", "XK was replaced a moment ago: oneseal ttp rekey does it now"));
        return;
    }
    p->rekey.last_ms = now_ms();
    if (begin(p) != OK)
        LOG(LOG_L_ERROR, "rekey-failed", log_str("what", "no new XK can be made"));
}

void parent_admin_rekey(struct parent *p, struct parent_call *c, struct span words)
{
    (void)words;
    if (p->rekey.pipe < 0 || p->custody.attended) {
        parent_refuse(p, c, 409, "refused", "the custody secret is with the operator, and the vault's pipe is closed",
                      "XK is replaced where the TTP unseals unattended");
        return;
    }
    if (busy(p)) {
        parent_refuse(p, c, 409, "conflict", "a root is being made already", "try again in a moment");
        return;
    }
    if (begin(p) != OK) {
        parent_refuse(p, c, 503, "failed", "no new XK can be made", "has the state folder space?");
        return;
    }
    p->rekey.call = c->id = ++p->desk.next_id;
    c->waiting = true;
}
