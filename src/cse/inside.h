/* inside.h - inside the engine: the exchange as its steps see it, and what the files of src/cse give one another.
 * Nothing outside src/cse includes it. */
#ifndef CSE_INSIDE_H
#define CSE_INSIDE_H

#include <stdatomic.h>

#include "cse/cse.h"
#include "cse/hook.h"
#include "cse/readers.h"
#include "m2m/acr.h"
#include "m2m/check.h"
#include "wire/json.h"

enum {
    PAGE = 200,            /* rows that a query takes before it gives the loop back (architecture.md 5) */
    LEVELS_MAX = 128,      /* containers may nest so deep */
    RESULT_MAX = 10000,    /* entries of one result (switches.md, laboratory settings) */
    POLICIES = 64,         /* compiled policies kept per thread */
    GATES = 256,           /* what resources say about access, kept per thread */
    PATHS = 256,           /* paths of containers kept by the writer */
    FLYING_MAX = 4096,     /* forwarded requests under way */
    HOPS_MAX = 3,          /* the same request passing here so often is going in circles */
    SWEEP_MAX = 500,       /* expired resources removed in one transaction */
    LETTERS_MAX = 256,     /* notifications under way */
    HOST_LETTERS_MAX = 16, /* of them to one host */
    NU_MAX = 64,           /* notification targets of one subscription */
    TICK_MS = 1000,        /* longest time between two ticks */
    REMOTE_MS = 10000,     /* time that another entity gets to answer */
    BACKOFF_MIN = 1000,    /* ms until a failed notification is tried again; doubles, with jitter */
    BACKOFF_MAX = 5 * 60000,
    HELD_MS = 60000,  /* a target that is not reachable is looked at again */
    NOTICES_MAX = 8,  /* deletion notices that an answer waits for */
    NOTICE_MS = 1000, /* switch 16: so long an answer waits for a deletion notice */
};
#define RID_BASE    INT64_C(1)
#define NEVER       INT64_MAX
#define MS_PER_DAY  INT64_C(86400000)
#define NOTIFY_KEEP (7 * MS_PER_DAY) /* a notification without pn is tried so long */
#define ET_DEFAULT  (INT64_C(157680000) * 1000)

/* What a step says. */
enum says {
    MORE, /* the next step */
    WAIT, /* something is under way that will go on */
    DONE, /* x->rsp stands */
};

/* Where an exchange is. The first three are on its loop thread. */
enum stage { AT_DOOR, AT_RESERVE, AT_PRELUDE, AT_WRITER, AT_END };

struct run {
    struct cse *c;
    struct exch *x;
    struct prim *q;     /* the request */
    struct arena *a;    /* the exchange's */
    struct store_tx *t; /* NULL outside of a turn */
    int64_t now;        /* ms, of this turn */
    uint8_t step;       /* enum step */
    uint8_t stage;      /* enum stage */
    unsigned slot;      /* read slot, or STORE_SLOTS_MAX: the writer */

    /* resolve */
    struct row target;       /* what `to` names; for la and ol the instance */
    const struct type *type; /* its type */
    const struct type *virt; /* addressed as a virtual resource: la, ol; else NULL */
    struct row holder;       /* parent of the target, loaded for instances and virtual ones; rid 0: not loaded */
    struct span rest;        /* the address behind a virtual resource that has behaviour (fopt): "data/la" */
    struct attrs old;        /* attributes of the target as stored, once run_old was called */
    bool have_old;

    /* check and apply */
    struct attrs in;           /* attributes of the request */
    struct row out;            /* what was created or is there after the update */
    int64_t reserved;          /* rid taken before, 0: none */
    uint8_t prelude, postlude; /* the next one of each list: prelude.c */
    struct ack *ack;           /* it goes on behind an acknowledgement: method.c */
    bool hooked;               /* the hook `before` was called in this savepoint */
    struct span aei;           /* AE CREATE: the stem that was assigned */
    struct span granted;       /* AE CREATE: the S-stem that the IN-CSE gave, enroll.c */
    struct span con, cnf;      /* contentInstance: JSON text to be stored, after sealing; p NULL: as sent */
    uint32_t cut_at;           /* result was cut: go on at this offset; 0: whole */
    struct span pc;            /* content of the answer, made before the end */
    struct attr_set changed;   /* UPDATE: attributes that differ or were named */
    int64_t notices[8];        /* switch 16: deletion notices that this DELETE has written */
    unsigned nnotices;
    int64_t notice_until;
    struct annc *annc;           /* announcements that it asks for; annc.h */
    struct annc_swap *annc_swap; /* the outbox's runs */
    struct run *hold_next;
    struct block *block; /* this UPDATE keeps others from its target: block.c */

    /* access (access.h) */
    struct claims *claims;   /* this turn */
    struct consult *consult; /* stays over all turns */
    struct roster *roster;   /* members of a group as they were looked at; stays: hook_grp.c */

    /* children under way */
    unsigned children;
    struct verdict bad; /* first failure of a child */
    struct hop *hop;    /* forwarding, or a NOTIFY on its way to an AE */
    struct hunt *hunt;  /* a discovery that yields */
    struct tree *tree;  /* a children form that yields */
    struct errand *ask; /* rcn 7, fu 3: somebody else is asked first */
    struct run *fly_next;
};

/* ---- the engine ------------------------------------------------------------------------------------ */

struct policy; /* rights.c */
struct gate;
struct claims; /* access.h */
struct consult;
struct grant;
struct roster;
struct gids; /* fan.c */
struct known_path {
    int64_t rid;
    size_t n;
    uint8_t text[1024];
};

struct timers {
    struct timer *first, *last;
};
struct errands {
    struct errand *first, *last;
    unsigned loop;
};

struct cse {
    struct cse_conf conf;
    struct world w;
    struct cse_hook hook;
    struct gate *gates[STORE_SLOTS_MAX + 1];      /* likewise */
    struct policy *policies[STORE_SLOTS_MAX + 1]; /* per thread; the last is the writer's */
    struct grant *grants;                         /* of authorization servers, all threads: consult.c */
    atomic_flag grants_lock;
    atomic_uint consulting; /* requests that wait for others' word: consult.c */
    struct {                /* groups whose members loop 0 shall look at again: group.c */
        atomic_flag lock;
        size_t n;
        int64_t rid[64];
    } regroup;
    struct gids *gids; /* group request identifiers: fan.c */
    atomic_flag gids_lock;
    struct known_attrs *known;               /* writer: attributes of its last targets, steps.c */
    struct known_path *paths;                /* writer */
    struct known_sub *known_subs;            /* writer: sub.c */
    struct lanes *lanes;                     /* writer: pace.c */
    struct timers timers[STORE_SLOTS_MAX];   /* per loop: timer.c */
    struct errands errands[STORE_SLOTS_MAX]; /* per loop: errand.c */
    struct run *flying;                      /* forwarded requests of all loops: see forward.c */
    atomic_flag fly_lock;
    unsigned nflying;
    struct run *held; /* answers that wait for deletion notices: notice.c */
    atomic_flag hold_lock;
    struct run *annc_held; /* answers that wait for announcements: annc_post.c */
    atomic_flag annc_lock;
    struct block *blocks; /* block.c */
    atomic_flag block_lock;
    atomic_uint nblocks;
    atomic_bool below_changed;             /* a CSE came, went or changed below this one: the registrar wants to know */
    atomic_bool tick;                      /* letters or expiry times changed */
    struct post *post;                     /* outbox.c: loop 0 */
    struct profiles *profiles;             /* profile.c */
    struct joint *joint;                   /* registrar.c: loop 0 */
    struct actions *actions;               /* action.c */
    struct alarms *alarms;                 /* alarm.c: loop 0 */
    struct polls *polls;                   /* poll.c: all loops */
    struct backs *backs;                   /* request.c: all loops and the writer */
    bool stopping[STORE_SLOTS_MAX];        /* per loop: nothing waits any more (cse_loop_stop) */
    struct held *waiting[STORE_SLOTS_MAX]; /* method.c: per loop */
    bool sweeping;                         /* loop 0: a sweep is under way */
    struct exch sweep;
    struct arena sweep_mem;
    uint64_t access_turn; /* writer: grows when policies, groups or AEs change; readers.h */
    uint64_t access_told; /* writer: what the hook was told of */
    bool csr_changed;     /* writer: a remoteCSE came, went or changed in this transaction */
    bool told;            /* writer: letters were written or removed in this transaction */
    struct id admin;
};

/* ---- steps.c ---------------------------------------------------------------------------------------- */

enum step {
#define STEP(name, clause, what) STEP_##name,
#include "cse/step.def"
#undef STEP
    STEP__N
};
#define STEP(name, clause, what) enum says step_##name(struct run *r);
#include "cse/step.def"
#undef STEP

/* The answer is a refusal; attr and rule go into m2m:dbg. Always DONE. */
enum says refuse(struct run *r, enum rsc rsc, struct span attr, const char *rule);
enum says refuse_verdict(struct run *r, struct verdict v);
/* Something went wrong in our house: 5000 without details. Always DONE. */
enum says oops(struct run *r, enum err e);
/* OK: goes on behind it; a failure: return oops. */
#define STEP_TRY(r, call)                                                                                              \
    do {                                                                                                               \
        enum err step_e_ = (call);                                                                                     \
        if (step_e_ != OK)                                                                                             \
            return oops((r), step_e_);                                                                                 \
    } while (0)
/* Goes on with a request after WAIT: the next step, on its loop thread. */
void run_go_on(struct run *r);
/* Its answer is complete: leaves. Loop thread. */
void run_answer(struct run *r);
/* The present step once more. Loop thread. */
void run_again(struct run *r);
/* On to the writer, from outside of a turn. Loop thread. */
void run_to_writer(struct run *r);
/* The attributes of the target into r->old. */
enum err run_old(struct run *r);
void run_known_free(struct cse *c);
bool run_is_admin(const struct run *r);

/* The table of a resource, that of its specialization when it is one. A specialization that nobody loads any more is
 * served by the table of its type. */
static inline const struct type *type_of_row(const struct row *row)
{
    const struct type *t = row->spec.n ? type_spec(row->ty, row->spec) : NULL;
    return t ? t : type_of(row->ty);
}

/* ---- name.c: identifiers and texts of rows ----------------------------------------------------------- */

/* A growing buffer over an arena. */
struct text {
    struct buf b; /* first: grow finds the arena behind it */
    struct arena *a;
};
void text_init(struct text *t, struct arena *a);

void name_put_ri(struct buf *b, const struct row *r); /* unstructured identifier */
void name_put_rn(struct buf *b, const struct row *r); /* chosen or derived name */
bool name_rid(struct span text, int64_t *rid);        /* base-36 text of a rid */
/* Is it a name that name_put_rn derives for a row of that parent type? Gives its rid. */
bool name_derived(struct span rn, int64_t *rid);
/* Unstructured identifiers for other CSEs: "/id-mn/3f". */
struct span name_sp_relative(const struct cse *c, const struct row *r, struct arena *a);
/* Structured CSE-relative path "mn/thermo-1/data": walks up. */
enum err name_path(struct store_tx *t, const struct row *r, struct arena *a, struct span *out);
/* An identifier for a request of this CSE, that nobody can guess: "e-" and 16 hexadecimal digits. */
struct span name_fresh(struct cse *c, const char *prefix, struct arena *a);
/* Texts made of numbers. */
struct span name_time(int64_t ms, struct arena *a);       /* ct, lt: six digits of fraction */
struct span name_time_s(int64_t ms, struct arena *a);     /* et: without */
struct span name_json(struct span text, struct arena *a); /* a JSON string */
struct jval;
struct span name_text(const struct jval *v, struct arena *a); /* value of a string; empty for anything else */
/* Parses a stored body; NULL: ERR in *e. */
enum err name_parse(struct span body, struct arena *a, const struct jval **out);
enum err name_attrs(const struct row *r, struct arena *a, struct attrs *out);
/* The text of an object with one member set to a JSON text, or without it (empty text). */
enum err name_with(struct span body, struct span name, struct span json, struct arena *a, struct span *out);

/* ---- find.c ------------------------------------------------------------------------------------------- */

struct found {
    struct row row, holder; /* holder: parent, when a virtual name was resolved; else rid 0 */
    const struct type *virt;
    struct span rest; /* behind a virtual resource with behaviour of its own; row is its holder then */
};
/* The resource that an address of this CSE names. ERR_NOTFOUND: none, or expired. `empty` virtual: found->row.rid 0. */
enum err find_addr(struct run *r, const struct addr *at, struct found *out);
/* From f->row on along a path: names, "..", la and ol at the end. ERR_NOTFOUND. */
enum err find_relative(struct run *r, struct span path, struct found *f);
/* The same from the text of an identifier in an attribute, in any of its forms. ERR_SYNTAX; ERR_UNREACHABLE: of
 * another CSE. */
enum err find_text(struct run *r, struct span id, struct row *out);
/* An AE of this CSE by its stem, a registered CSE by its CSE-ID. ERR_NOTFOUND. */
enum err find_ae(struct run *r, struct span stem, struct row *out);
/* Is it for another CSE? Also "/Sapp" when that AE is not registered here and there is a registrar to ask. */
bool find_away(struct run *r, const struct addr *at);
enum err find_cse(struct run *r, struct span csi, struct row *out);

/* ---- rights.c ----------------------------------------------------------------------------------------- */

/* May `who` do `op` (ACOP_ bit) on the resource? child_ty: CREATE only. TS-0004 7.3.3.15. */
enum err rights_ask(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                    bool *yes);
/* UPDATE of acpi: by pvs of the linked policies. */
enum err rights_acpi(struct run *r, const struct row *row, bool *yes);
void rights_free(struct cse *c);

/* readers.c: of a place, by its attributes and creator. */
struct readers;
MUST_USE enum err readers_of(struct run *r, const struct attrs *place, struct span creator, struct readers *out);
/* A resource of this type came, went or changed. Writer. */
static inline void readers_moved(struct run *r, unsigned ty)
{
    r->c->access_turn += ty == TY_ACP || ty == TY_GRP || ty == TY_AE;
}

/* ---- make.c, change.c, gone.c: CREATE, UPDATE, DELETE ------------------------------------------------- */

enum says make_check(struct run *r);
enum says make_apply(struct run *r);
enum says change_check(struct run *r);
enum says change_apply(struct run *r);
enum says gone_check(struct run *r);
enum says gone_apply(struct run *r);
/* A resource that the CSE makes by itself, in the transaction of r: its attributes are an object as in a CREATE, cr
 * left out. *parent: with the counters that it has then. No rights, no checks of the type, nobody is told. Writer. */
enum err make_inside(struct run *r, struct row *parent, const struct type *t, struct span object, struct row *out);
/* Removes a resource and all below it: letters, counters, notices. `direct`: addressed by a request. */
enum err gone_tree(struct run *r, const struct row *row, bool direct);
/* The same without a word to anybody and without the counters of the parent. */
enum err gone_below(struct run *r, const struct row *row);
/* acpi entries and et, which CREATE and UPDATE treat alike. */
enum says make_check_acpi(struct run *r);
struct span make_et(struct run *r, const struct jval *given, const struct row *parent, const struct attrs *parent_at,
                    int64_t *et);
/* Labels for the index. */
enum err make_labels(struct run *r, const struct jval *lbl, struct row *row);
/* The texts of an attribute lbl. */
enum err make_label_list(struct run *r, const struct jval *lbl, const struct span **v, size_t *n);
/* The identifier that the CREATE gives: r->reserved when there is one, else a fresh one. Writer. */
enum err make_rid(struct run *r, int64_t *rid);
/* Adds to the counters of a row in the store. */
enum err make_count(struct run *r, struct row *row);
/* A child came (1) or went (-1): counters of a parent that does not hold instances. */
enum err make_count_child(struct run *r, struct row *parent, const struct row *child, int by);

/* Rules of single types that need the store (hook_*.c): NULL where a type has none. */
struct type_hook {
    enum says (*check)(struct run *r);             /* CREATE, after check_create */
    enum err (*fill)(struct run *r, struct jw *w); /* CREATE: members that the CSE gives */
    enum says (*check_update)(struct run *r);      /* UPDATE, after check_update */
    enum err (*fill_update)(struct run *r,
                            struct jw *w);    /* UPDATE: members that nobody named and that have to be there */
    enum says (*after)(struct run *r);        /* CREATE and UPDATE, after the row was stored */
    enum says (*check_delete)(struct run *r); /* DELETE by request, after the general checks */
    /* Decides instead of acpi and the default policy, for everybody but the administrator. */
    enum err (*may)(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                    bool *yes);
    enum err (*gone)(struct run *r, const struct row *row); /* writer: one of the type goes, its children went */
    enum says (*virt)(struct run *r); /* a virtual type: takes every request over, right after resolve, on the loop
                                         thread; r->target and r->holder: the parent. It judges rights itself. */
};
const struct type_hook *type_hook(unsigned ty);
/* A new AE-ID-Stem of that kind, 'C' or 'S'; empty: no memory. */
struct span hook_ae_fresh(struct run *r, char kind);
/* Does the request bring readings that sealing may have to replace? No copy of it stays then. Of an UPDATE only the
 * root tells: every flexContainer counts. */
bool before_is_reading(const struct prim *q);
/* Is the content, sealed by now, small enough for what holds it? */
enum says hook_cin_fits(struct run *r);
enum says hook_tsi_fits(struct run *r);
enum says hook_fcnt_fits(struct run *r);
/* Does a flexContainer have it from its specialization? */
bool hook_fcnt_custom(struct span name);
/* Does this RETRIEVE use up one of the reads that an instance has left (dcnt)? It is served by the writer then, so that
 * each value is shown once; and what follows from it, after the answer was made. */
bool hook_cin_counts(const struct run *r);
enum err hook_cin_read(struct run *r);
#define HOOK(ty, hook) extern const struct type_hook hook;
#include "cse/type_hook.def"
#undef HOOK

/* ---- view.c, tree.c, hunt.c, match.c: results --------------------------------------------------------- */

/* {"m2m:cnt":{...}}, with everything that changes by itself. */
void view_put(struct run *r, struct buf *b, const struct row *row);
/* The same without the root: {...} */
void view_put_object(struct run *r, struct buf *b, const struct row *row);
/* Its last octet '}' left out, so that members can follow; true: it has members already. */
bool view_put_open(struct run *r, struct buf *b, const struct row *row);
enum err view_text(struct run *r, const struct row *row, struct span *out);
/* childResourceRef (TS-0004 6.3.5.29): name, type, address; of a flexContainer which one it is. */
void view_put_ref(struct run *r, struct jw *w, const struct row *row, struct span address);
/* The answer's content from a finished text. */
void view_answer(struct run *r, enum rsc rsc, struct span pc);
/* Does this result content show children? */
bool view_is_tree(unsigned rcn);
/* cnst and cnot of the answer, when the result was cut. */
void view_cut(struct run *r);
enum says view_created(struct run *r);
enum says view_retrieved(struct run *r);
enum says view_updated(struct run *r);
/* DELETE: the content by rcn while the resource is still there; it waits in r->pc. */
enum says view_before_delete(struct run *r);
enum says view_deleted(struct run *r);

/* ---- outbox.c, forward.c, verify.c, notify.c, sweep.c ------------------------------------------ */

/* Targets of a request that leaves: addresses to be tried in turn. */
struct hop {
    struct cse *c;
    struct run *r; /* NULL: outbox */
    struct sending s;
    struct prim req;
    struct arena *a;
    const struct span *urls; /* tried in order */
    size_t n, at;
    bool base;
    struct span peer;
    enum release rel; /* highest that the target serves; REL_NONE: it did not say */
    int64_t channel;  /* rid of the target's pollingChannel: it fetches its requests itself; 0: none */
    unsigned loop;
    int64_t deadline;
    void (*over)(struct hop *h, enum err e, const struct prim *rsp);
    void *ctx;
};
/* Sends to the first address that answers; h->over is called once with the answer or the last error. */
void hop_go(struct cse *c, struct hop *h);
/* Addresses of the next hop towards a CSE. ERR_NOTFOUND: nobody knows it; ERR_UNREACHABLE: known, but no address. */
enum err hop_towards(struct run *r, const struct addr *to, bool from_registrar, struct hop *h);
/* Addresses of an AE of this CSE. ERR_UNREACHABLE: none, or it does not take requests. */
enum err hop_to_ae(struct run *r, const struct row *ae, struct hop *h);
/* Fills the addresses for any notification target, a URL or an identifier. ERR_NOTFOUND, ERR_UNREACHABLE;
 * *here: it is this CSE itself. */
enum err hop_to_target(struct run *r, struct span nu, struct hop *h, bool *here);
/* The request that leaves carries the highest release of its target (of this CSE, when that says nothing). */
void hop_release(const struct cse *c, struct hop *h);
/* Takes out what an entity of release 1 does not know: rvi, vsi. */
void hop_release_1(struct hop *h);
/* A NOTIFY of this CSE: pc goes to the target. */
void hop_notify(struct run *r, struct hop *h, struct span to, struct span rqi, struct span pc);

/* Time that the other end gets: rqet and rset of the request shorten it. */
int64_t hop_deadline(const struct run *r);
bool is_url(struct span s);
struct span nu_plain(struct span nu, struct span *ct);
/* The answer of the other end, or 5103, leaves as the answer of r. */
void forward_answer(struct run *r, enum err e, const struct prim *rsp);

/* A NOTIFY that came in (notify.c). */
enum says notify_apply(struct run *r);
bool notify_is_verification(const struct run *r);
/* The result of a request, for this CSE: whether it asked for it decides, not a policy. */
bool notify_is_result(const struct run *r);
/* Is this notification target the originator's own AE? */
bool verify_is_originator(struct run *r, struct span nu);

/* notice.c: letters whose answer a DELETE waits for (switch 16). */
void notice_wrote(struct run *r, int64_t letter);
void notice_over(struct cse *c, int64_t letter);
void notice_tick(struct cse *c, int64_t now);

int64_t post_tick(struct cse *c, int64_t now);
enum err post_new(struct cse *c);
void post_free(struct cse *c);
int64_t sweep_tick(struct cse *c, int64_t now);
enum err joint_new(struct cse *c);
int64_t joint_tick(struct cse *c, int64_t now);
void joint_free(struct cse *c);

#endif
