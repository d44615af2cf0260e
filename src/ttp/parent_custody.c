/* Sealing and unsealing. */
#include "base/code.h"
#include "host/heap.h"
#include "host/log.h"
#include "ttp/kind.h"
#include "ttp/parent.h"
#include "ttp/unsealer_custody.h"
#include "wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KIND_PASSPHRASE, KIND_CREDENTIAL, KIND_SHARES, KIND_TPM2 };

/* By the number of [custody] kind. */
static const struct {
    const char *name, *word; /* in the configuration; in the custody file */
    const char *want;        /* what the operator gives; NULL: nothing */
    bool many, made;         /* given one after the other; made by the unsealer */
} kinds[] = {
    {"passphrase", "argon2id", "passphrase", false, false},
    {"credential", "credential", NULL, false, false},
    {"shares", "shares", "share", true, true},
    {"tpm2", "tpm2", NULL, false, true},
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t kind_of(const struct parent *p)
{
    return (size_t)conf_int(p->conf, "custody", "kind");
}

const char *parent_custody_kind(const struct parent *p)
{
    return kinds[kind_of(p)].name;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static enum err make_secret(const char *path, bool text)
{
    uint8_t raw[CUSTODY_XK], out[128];
    struct buf b = BUF_ARRAY(out);
    if (RAND_bytes(raw, sizeof raw) != 1)
        return ERR_CRYPTO;
    if (text) {
        b64url_put(&b, span_of(raw, sizeof raw));
        buf_c(&b, '\n');
    } else {
        buf_put(&b, span_of(raw, sizeof raw));
    }
    enum err e = file_replace(path, buf_span(&b), 0600);
    wipe(raw, sizeof raw);
    wipe(out, sizeof out);
    return e;
}

/* The text of STATE/custody; for a kind whose secret the unsealer makes, what it shall make (parent_custody_make). */
static enum err custody_text(const struct parent *p, struct buf *b)
{
    struct custody c;
    if (kind_of(p) == KIND_PASSPHRASE) {
        TRY(custody_new(&c));
        custody_write(&c, b);
    } else if (kind_of(p) == KIND_SHARES) {
        buf_fmt(b, "oneseal-custody new shares m=%d n=%d\n", (int)conf_int(p->conf, "custody", "shares-needed"),
                (int)conf_int(p->conf, "custody", "shares"));
    } else if (kind_of(p) == KIND_TPM2) {
        buf_fmt(b, "oneseal-custody new tpm2 pcrs=%s\n", conf_text(p->conf, "custody", "tpm-pcrs"));
    } else {
        buf_fmt(b, "oneseal-custody 1 %s name=%s\n", kinds[kind_of(p)].word,
                conf_text(p->conf, "custody", "credential"));
    }
    return b->e;
}

/* Passphrase (unless the operator chose one, or types it), XK and the custody file. */
static enum err make_custody(struct parent *p, struct buf *why)
{
    char path[4200];
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    const char *pass = conf_text(p->conf, "custody", "passphrase-file");
    if (access(parent_path(p, "custody", path), F_OK) == 0)
        return parent_wrong(why, p, "ttp", "state", "the folder has a TTP already; --init is for a new one");
    if (kind_of(p) == KIND_PASSPHRASE && pass && p->secret_fd < 0 && access(pass, F_OK) != 0 &&
        make_secret(pass, true) != OK)
        return parent_wrong(why, p, "custody", "passphrase-file", "the file cannot be made");
    if (p->custody.attended && p->secret_fd < 0)
        return parent_wrong(why, p, "custody", "kind", "nobody is here to give the secret; use oneseal ttp init");
    if (make_secret(parent_path(p, "xk", path), false) != OK || custody_text(p, &b) != OK ||
        file_replace(parent_path(p, "custody", path), buf_span(&b), 0600) != OK)
        return parent_wrong(why, p, "ttp", "state", "the custody files cannot be made");
    return OK;
}

static enum err same_kind(struct parent *p, struct buf *why)
{
    char path[4200];
    uint8_t text[CUSTODY_LINE_MAX];
    struct buf b = BUF_ARRAY(text);
    if (file_read(parent_path(p, "custody", path), &b) != OK)
        return parent_wrong(why, p, "ttp", "state", "the custody file cannot be read");
    struct span rest = buf_span(&b);
    (void)span_cut(&rest, ' ');
    (void)span_cut(&rest, ' ');
    struct span word = span_cut(&rest, ' ');
    return span_eq(word, span_str(kinds[kind_of(p)].word))
               ? OK
               : parent_wrong(why, p, "custody", "kind", "the custody file of this state folder is of another kind");
}

static enum err secret_there(struct parent *p, struct buf *why)
{
    const char *pass = conf_text(p->conf, "custody", "passphrase-file");
    struct stat st;
    if (kind_of(p) != KIND_PASSPHRASE || !pass || (p->init && p->secret_fd >= 0))
        return OK;
    if (stat(pass, &st) != 0)
        return parent_wrong(why, p, "custody", "passphrase-file", "the file cannot be read");
    if ((st.st_mode & 077) != 0)
        return parent_wrong(why, p, "custody", "passphrase-file",
                            "the file may be read by others; set its mode to 0600");
    return OK;
}

/* Before the parent is confined, since afterwards nobody makes a socket. A simulator listens at one. */
static enum err open_tpm(struct parent *p, struct buf *why)
{
    const char *path = conf_text(p->conf, "custody", "tpm");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    if (kind_of(p) != KIND_TPM2)
        return OK;
    bool there = stat(path, &st) == 0;
    if (there && S_ISSOCK(st.st_mode) && strlen(path) < sizeof a.sun_path) {
        memcpy(a.sun_path, path, strlen(path) + 1);
        p->custody.device = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        there = connect(p->custody.device, (const struct sockaddr *)&a, sizeof a) == 0;
    } else if (there) {
        p->custody.device = open(path, O_RDWR | O_CLOEXEC);
    }
    return there && p->custody.device >= 0
               ? OK
               : parent_wrong(why, p, "custody", "tpm", "there is no TPM that can be opened");
}

enum err parent_custody_files(struct parent *p, struct buf *why)
{
    char path[4200];
    p->custody.attended = kind_of(p) == KIND_SHARES ||
                          (kind_of(p) == KIND_PASSPHRASE && !conf_text(p->conf, "custody", "passphrase-file"));
    p->custody.sealed = !p->init && (p->custody.attended || conf_int(p->conf, "custody", "start") == 1);
    if (conf_int(p->conf, "custody", "shares-needed") > conf_int(p->conf, "custody", "shares"))
        return parent_wrong(why, p, "custody", "shares-needed", "more than there are");
    TRY(open_tpm(p, why));
    if (p->init)
        TRY(make_custody(p, why));
    if (access(parent_path(p, "custody", path), R_OK) != 0 || access(parent_path(p, "xk", path), R_OK) != 0)
        return parent_wrong(why, p, "ttp", "state", "the folder has no TTP yet; run oneseal-ttp -c FILE --init once");
    TRY(same_kind(p, why));
    return secret_there(p, why);
}

int parent_custody_secret(const struct parent *p)
{
    char path[4200];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (p->secret_fd >= 0)
        return fcntl(p->secret_fd, F_DUPFD_CLOEXEC, 3);
    if (kind_of(p) == KIND_PASSPHRASE)
        return open(conf_text(p->conf, "custody", "passphrase-file"), O_RDONLY | O_CLOEXEC);
    if (kind_of(p) != KIND_CREDENTIAL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", conf_text(p->conf, "custody", "credential"));
    return folder ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* ---- telling the operator ---------------------------------------------------------------------------------------- */

static struct parent_call *caller(struct parent *p)
{
    struct parent_call *c = p->custody.call ? parent_desk_find(p, p->custody.call) : NULL;
    p->custody.call = 0;
    return c;
}

static void tell_no(struct parent *p, unsigned status, const char *code, const char *what, const char *todo)
{
    struct parent_call *c = caller(p);
    if (c) {
        parent_refuse(p, c, status, code, what, todo);
        parent_desk_push(c);
    }
}

static void tell_state(struct parent *p, uint64_t have, uint64_t need)
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct parent_call *c = caller(p);
    if (!c)
        return;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "state", span_str(admin_state_name(p->house)));
    if (need > 0) {
        JW_U64(&w, "shares", have);
        JW_U64(&w, "needed", need);
    }
    jw_end_obj(&w);
    parent_answer(c, 200, buf_span(&b));
    parent_desk_push(c);
}

static void wait_for(struct parent *p, struct parent_call *c)
{
    c->waiting = c->stays = true;
    c->id = p->custody.call = ++p->desk.next_id;
}

void parent_custody_serving(struct parent *p)
{
    p->custody.sealing = false;
    p->custody.until_ms = p->custody.alone ? p->custody.until_ms : 0;
    if (p->custody.refused[0])
        tell_no(p, strcmp(p->custody.refused, TTP_WRONG_CUSTODY) == 0 ? 403 : 422, "refused", p->custody.refused,
                "check what was given, and which state folder this is; then unseal again");
    p->custody.refused[0] = '\0';
    tell_state(p, 0, 0);
}

bool parent_custody_refused(struct parent *p, struct span why)
{
    bool back = p->custody.attended || p->custody.call != 0;
    if (back) {
        p->custody.sealed = p->custody.restart = true;
        snprintf(p->custody.refused, sizeof p->custody.refused, "%.*s", SPAN_FMT(span_first(why, 250)));
    }
    return back;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

/* The vault writes its leaf first; that it cannot does not keep anybody from sealing. */
void parent_custody_seal(struct parent *p, struct parent_call *c)
{
    wait_for(p, c);
    p->custody.sealing = true;
    p->custody.until_ms = now_ms() + CUSTODY_SEAL_MS;
}

static void end_vault(struct parent *p)
{
    p->custody.sealed = true;
    LOG(LOG_L_NOTICE, "sealing", log_str("what", "the vault wipes its keys and ends"));
    msg_put_VAULT_END(&p->link[P_VAULT].out, &(struct msg_VAULT_END){.sealed = 1});
}

bool parent_custody_done(struct parent *p, uint64_t id, uint16_t status)
{
    if (!p->custody.sealing || id != p->custody.call)
        return false;
    if (status != 200)
        LOG(LOG_L_WARN, "sealing", log_str("what", "without a leaf: the log cannot be written"));
    end_vault(p);
    return true;
}

/* ---- the unsealer alone ------------------------------------------------------------------------------------------ */

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

struct alone {
    int secret[2], root[2], say[2], custody, xk, null;
};

static bool lay(struct parent *p, struct alone *a)
{
    char path[4200];
    bool typed = p->custody.attended && !p->init;
    a->custody = open(parent_path(p, "custody", path), O_RDONLY | O_CLOEXEC);
    a->xk = open(parent_path(p, "xk", path), O_RDONLY | O_CLOEXEC);
    a->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (!typed)
        a->secret[0] = parent_custody_secret(p);
    return a->custody >= 0 && a->xk >= 0 && a->null >= 0 && (!typed || pipe2(a->secret, O_CLOEXEC) == 0) &&
           a->secret[0] >= 0 && pipe2(a->root, O_CLOEXEC) == 0 && pipe2(a->say, O_CLOEXEC | O_NONBLOCK) == 0;
}

static enum err start_alone(struct parent *p)
{
    struct alone a = {{-1, -1}, {-1, -1}, {-1, -1}, -1, -1, -1};
    enum err e = lay(p, &a) ? OK : ERR_IO;
    if (e == OK) {
        int device = p->custody.device >= 0 ? p->custody.device : a.null;
        e = parent_unsealer(p, (const int[UNSEALER_FDS]){a.secret[0], a.custody, a.xk, a.root[1], a.say[1], device});
    }
    int *const theirs[] = {&a.secret[0], &a.custody, &a.xk, &a.root[1], &a.say[1], &a.null};
    for (size_t i = 0; i < LEN(theirs); i++)
        shut(theirs[i]);
    if (e != OK) {
        shut(&a.secret[1]), shut(&a.root[0]), shut(&a.say[0]);
        return e;
    }
    p->custody.secret = a.secret[1];
    p->custody.root = a.root[0];
    p->custody.say = a.say[0];
    p->custody.alone = true;
    p->custody.n = 0;
    p->custody.until_ms = now_ms() + CUSTODY_WAIT_MS;
    return OK;
}

/* What the unsealer tells at init: the text of STATE/custody. */
static enum err keep_custody(struct parent *p, int say)
{
    char path[4200];
    struct buf b = heap_buf(CUSTODY_LINE_MAX);
    uint8_t piece[1024];
    ssize_t got;
    while ((got = read(say, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            buf_put(&b, span_of(piece, (size_t)got));
    struct span text = buf_span(&b), head = SPAN("custody ");
    enum err e = b.e == OK && span_starts(text, head) && span_ends(text, SPAN("\n")) ? OK : ERR_SYNTAX;
    if (e == OK)
        e = file_replace(parent_path(p, "custody", path), span_from(text, head.n), 0600);
    heap_buf_free(&b);
    return e;
}

enum err parent_custody_make(struct parent *p)
{
    char path[4200];
    if (kinds[kind_of(p)].made == false)
        return OK;
    TRY(start_alone(p));
    fcntl(p->custody.say, F_SETFL, 0);
    enum err e = keep_custody(p, p->custody.say);
    int status = 1;
    while (waitpid(p->pid[P_UNSEALER], &status, 0) < 0 && errno == EINTR)
        continue;
    p->pid[P_UNSEALER] = 0;
    p->custody.alone = false;
    shut(&p->custody.say);
    p->custody.until_ms = 0;
    if (e == OK && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return OK;
    unlink(parent_path(p, "custody", path));
    return e == OK ? ERR_IO : e;
}

void parent_custody_ended(struct parent *p, bool good)
{
    parent_custody_hear(p);
    p->custody.alone = false;
    shut(&p->custody.say);
    shut(&p->custody.secret);
    p->custody.until_ms = 0;
    if (good) {
        p->custody.sealed = false;
        p->custody.restart = true;
        return;
    }
    shut(&p->custody.root);
    tell_no(p, 403, "refused", "the unsealer could not make the root key of what it was given",
            "check it, then unseal again; the log of oneseal-ttp says more");
}

static bool hear_line(struct parent *p, struct span line)
{
    struct span rest = line, word = span_cut(&rest, ' '), have = span_cut(&rest, ' ');
    uint64_t k = 0, m = 0;
    if (span_eq(word, SPAN("more")) && span_u64(have, 255, &k) == OK && span_u64(rest, 255, &m) == OK) {
        tell_state(p, k, m);
        return true;
    }
    if (span_eq(word, SPAN("wrong"))) {
        char what[512];
        snprintf(what, sizeof what, "%.*s", SPAN_FMT(span_first(span_from(line, word.n + 1), sizeof what - 1)));
        tell_no(p, 403, "refused", what, "give another one");
        return true;
    }
    return false;
}

void parent_custody_hear(struct parent *p)
{
    struct parent_custody *c = &p->custody;
    ssize_t got = 1;
    while (c->say >= 0 && c->n < sizeof c->line && (got = read(c->say, c->line + c->n, sizeof c->line - c->n)) > 0)
        c->n += (size_t)got;
    for (size_t end; (end = span_find(span_of(c->line, c->n), '\n')) < c->n;) {
        if (!hear_line(p, span_of(c->line, end)))
            LOG(LOG_L_WARN, "unsealer", log_str("what", "it says what nobody understands"));
        c->n -= end + 1;
        memmove(c->line, c->line + end + 1, c->n);
    }
    if (got == 0 || c->n == sizeof c->line)
        shut(&c->say); /* its end comes by SIGCHLD */
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* Hands the operator the end of the pipe into which the secret goes. */
static void give_end(struct parent *p, struct parent_call *c)
{
    char line[128];
    const char *want = kinds[kind_of(p)].want;
    snprintf(line, sizeof line, "{\"v\":1,\"status\":100,\"answer\":{\"v\":1,\"want\":\"%s\"}}\n", want ? want : "pin");
    parent_desk_give(c, p->custody.secret, span_str(line));
    if (!kinds[kind_of(p)].many)
        shut(&p->custody.secret);
}

void parent_admin_unseal(struct parent *p, struct parent_call *c, struct span words)
{
    (void)words;
    bool runs = p->pid[P_UNSEALER] > 0;
    if (p->custody.call != 0 || (runs && p->custody.secret < 0)) {
        parent_refuse(p, c, 409, "conflict", "another unseal is under way", "try again in a moment");
        return;
    }
    if (!runs && start_alone(p) != OK) {
        parent_refuse(p, c, 500, "failed",
                      "the unsealer cannot be started: is the secret where the configuration says?",
                      "look into the log of oneseal-ttp");
        return;
    }
    wait_for(p, c);
    if (p->custody.attended)
        give_end(p, c);
}

int parent_custody_timeout(const struct parent *p)
{
    int64_t left = p->custody.until_ms - now_ms();
    return p->custody.until_ms == 0 ? -1 : left < 0 ? 0 : left < 60000 ? (int)left : 60000;
}

void parent_custody_tick(struct parent *p)
{
    if (p->custody.until_ms == 0 || now_ms() < p->custody.until_ms)
        return;
    p->custody.until_ms = 0;
    if (p->custody.sealing) {
        LOG(LOG_L_WARN, "sealing", log_str("what", "the vault does not end by itself; it is killed"));
        p->custody.sealed = p->custody.restart = true;
    } else if (p->custody.alone) {
        LOG(LOG_L_NOTICE, "unsealer", log_str("what", "nothing came any more; what it had is wiped"));
        parent_end_room(p, P_UNSEALER);
        parent_custody_ended(p, false);
    }
}
