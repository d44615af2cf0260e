/* annc.h - announcement (TS-0001 9.6.26, 10.2.21; TS-0004 7.4.26): resources of this CSE have copies at others.
 *
 * The attribute `at` holds the addresses of copies that are there, nothing else. An entry that is asked for becomes a
 * letter (CREATE) in the transaction of the request; its answer puts the address into `at`, in the transaction that
 * takes the letter out of the box. The request is answered when its letters are answered. So a crash leaves either the
 * letter, which goes out again, or the address; and since the name of a copy is made of the names of CSE and resource,
 * a second CREATE meets the first one's copy and adopts it. UPDATE and DELETE are letters of the same lane, so they
 * come in order. A CREATE that fails is not tried again: the entry is dropped. UPDATE and DELETE are. */
#ifndef CSE_ANNC_H
#define CSE_ANNC_H

#include "cse/inside.h"

enum {
    ANNC_ENTRIES_MAX = 32,   /* entries of one `at` */
    ANNC_WAIT_MAX = 64,      /* letters that one request waits for */
    ANNC_TRIES_MAX = 64,     /* an UPDATE or DELETE that nobody took so often is given up: about five hours */
    ANNC_PATIENCE_TURNS = 5, /* a request waits so many times what another entity gets */
};

/* Where an entry of `at` leads. */
struct annc_dest {
    struct span entry; /* as given */
    struct span cse;   /* "/id-in", or "//other.example/id-x" of another domain */
    struct span uri;   /* the copy, or the resource that the copy goes below; empty: the CSE as such */
    bool other_sp;
};

/* What the outcome of a letter means for whoever waits for it. */
struct annc_swap {
    int64_t to;   /* this letter has taken its place; 0: none */
    int64_t with; /* this letter is over as well; 0: none */
};

/* Per run, in its arena. */
struct annc {
    const struct jval *asked; /* `at` of the request; r->in has what stays of it */
    int64_t letters[ANNC_WAIT_MAX];
    size_t n;
    int64_t until;
    struct run *next;
};

/* ---- the original (annc.c) ---- */
/* Part of check, CREATE and UPDATE: at and aa. Splits `at` of the request, see struct annc. */
enum says annc_check(struct run *r);
/* Part of after: letters for what was asked for and for what changed. */
enum err annc_after(struct run *r);
/* A resource leaves: its copies shall, too. Cheap for what has none. */
enum err annc_gone(struct run *r, const struct row *row);
/* ERR_SYNTAX: no CSE-ID and no address of a resource of another CSE. */
enum err annc_dest_of(struct run *r, struct span entry, struct annc_dest *out);
/* The entry of the list that is at that CSE; n: none. */
size_t annc_find(const struct annc_dest *v, size_t n, const struct annc_dest *at);
enum err annc_list(struct run *r, const struct jval *at, struct annc_dest *v, size_t max, size_t *n);

/* ---- letters (annc_letter.c) ---- */
enum {
    ANNC_BASE = 1,
    ANNC_ADOPT = 2,
    ANNC_AGAIN = 4,
    ANNC_POLICY = 8 /* acpi goes alone */,
    ANNC_ENROLLED = 16 /* of an S-type AE */
};
struct annc_note { /* meta of a letter, beside its operation */
    uint8_t op;
    uint8_t how;       /* ANNC_... bits */
    uint16_t ty;       /* CREATE */
    struct span entry; /* CREATE, adoption: the entry of `at` that it answers */
    struct span cse;
    int64_t lt; /* lastModifiedTime of the original when its content was written */
};
/* Is it a letter of this module? */
bool annc_letter(const struct letter *l);
enum err annc_note_read(struct span meta, struct arena *a, struct annc_note *out);
enum err annc_put(struct run *r, int64_t rid, struct span to, struct span body, const struct annc_note *n, int64_t *id);
/* *stuck: other letters are before it. */
enum err annc_put_create(struct run *r, const struct row *row, const struct row *parent, const struct annc_dest *d,
                         unsigned how, int64_t *id, bool *stuck);
/* What differs from `before`; NULL: everything there is, and null for what is not. *id 0: nothing to wait
 * for, since there was nothing to say, or others are before it. */
enum err annc_put_policy(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                         int64_t *id);
enum err annc_put_update(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                         int64_t *id);
enum err annc_put_delete(struct run *r, int64_t rid, const struct annc_dest *d, int64_t *id);
/* Fills operation, type, originator, content of the request that carries it. */
void annc_dress(struct cse *c, const struct letter *l, struct arena *a, struct prim *p);

/* ---- content of copies (annc_copy.c) ---- */
/* {"m2m:cntA":{...}} for a CREATE. */
enum err annc_copy(struct run *r, const struct row *row, const struct row *parent, const struct annc_dest *d,
                   struct span *out);
/* acpi of the copy, for an UPDATE of its own; *any: it differs from `before` (NULL: always). */
enum err annc_copy_policy(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                          bool *any, struct span *out);
/* The others, for an UPDATE; *any: there is something to say. */
enum err annc_copy_changes(struct run *r, const struct row *row, const struct attrs *before, bool *any,
                           struct span *out);
enum err annc_copy_base(struct run *r, const struct annc_dest *d, struct span *out);
void annc_put_name(struct buf *b, const struct cse *c, const struct row *row); /* rn of its copy */

/* ---- outcome (annc_post.c) ---- */
/* Writer, instead of the outbox's own bookkeeping. rsc 0: no answer came. r->annc_swap (zeroed) is for annc_over. */
enum err annc_record(struct run *r, const struct letter *l, unsigned rsc, struct span pc, int64_t retry_at);
/* Loop 0: the letter is no longer under way. */
void annc_over(struct cse *c, int64_t letter, const struct annc_swap *s);
void annc_tick(struct cse *c, int64_t now);

/* ---- copies of others here (annc_host.c) ---- */
/* Does announcement decide on the rights instead of access control? Then *yes says how. */
enum err annc_rights(struct run *r, bool *decided, bool *yes);
/* CREATE of an announced variant, after check_create. */
enum says annc_check_copy(struct run *r);
/* UPDATE of one. */
enum says annc_check_copy_update(struct run *r);
/* The CSE where an AE with this S-stem is registered, by the AEAnnc that it got the stem with. ERR_NOTFOUND. */
enum err annc_home(struct run *r, struct span stem, struct span *cse);
extern const struct type_hook hook_ae_copy;

#endif
