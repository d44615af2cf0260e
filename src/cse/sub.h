/* sub.h - a subscription as events see it: parsed once. */
#ifndef CSE_SUB_H
#define CSE_SUB_H

#include "cse/pace.h"
#include "cse/tell.h"

/* One entry of operationMonitor. */
struct monitor {
    unsigned ops;    /* ACOP_ bits; all: any operation */
    struct span who; /* empty: anyone */
    bool org;        /* spelled `org`: the notice answers in the same way */
};

enum { SUB_LIMITS = 10 };

struct sub {
    int64_t rid;
    struct attrs at;
    unsigned nets; /* 1 << enum net */
    const struct monitor *om;
    size_t nom;
    struct {
        uint8_t which; /* row of the table in sub.c */
        int64_t limit;
    } limits[SUB_LIMITS];
    uint8_t nlimits, fo;
    struct numbers chty;
    struct strings atr, nu;
    uint8_t nct;
    struct pace pace;
    struct span cr, su, nfu; /* JSON members are unescaped */
};

/* Everything lives in the arena, but texts without escapes point into the row's body. */
enum err sub_parse(const struct cse *c, const struct row *row, struct arena *a, struct sub *out);
/* The same, from what the writer still knows when it is called there. */
enum err sub_of(struct run *r, const struct row *row, const struct sub **out);
/* Does the event meet the criteria? */
bool sub_hears(struct run *r, const struct sub *s, const struct event *e, const struct monitor **om);
/* Does anybody of it listen to RETRIEVE, discovery or NOTIFY? */
bool sub_hears_reads(const struct sub *s);
void sub_forget(struct cse *c);

#endif
