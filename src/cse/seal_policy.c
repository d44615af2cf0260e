/* seal_policy.c - which policy counts for a place: patterns of the configuration, strengthened by labels. */
#include "cse/seal_own.h"

static bool fits(const struct seal_policy *p, struct span path)
{
    return p->star ? span_starts(path, p->pattern) : span_eq(path, p->pattern);
}

/* The longest pattern; of equal ones the stronger policy. */
static bool better(const struct seal_policy *p, const struct seal_policy *q)
{
    if (!q || p->pattern.n != q->pattern.n)
        return !q || p->pattern.n > q->pattern.n;
    return p->star != q->star ? !p->star : seal_policy_stronger(p, q);
}

bool seal_policy_stronger(const struct seal_policy *p, const struct seal_policy *q)
{
    enum seal_level a = p ? p->level : SEAL_PASS, b = q ? q->level : SEAL_PASS;
    return a != b ? a > b : a == SEAL_GATEWAY && p->strict && !q->strict;
}

const struct seal_policy *seal_policy_named(const struct hook_seal *h, struct span name)
{
    for (size_t i = 0; i < h->n_policies; i++)
        if (span_eq(h->policies[i].name, name))
            return &h->policies[i];
    return NULL;
}

/* The strongest of those that labels name; of equal ones the first of the configuration. */
static const struct seal_policy *labelled(const struct hook_seal *h, const struct span *lbl, size_t n, bool *unknown)
{
    const struct seal_policy *best = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!span_starts(lbl[i], SPAN("e2e:policy=")))
            continue;
        const struct seal_policy *p = seal_policy_named(h, span_from(lbl[i], 11));
        if (!p)
            *unknown = true;
        else if (!best || seal_policy_stronger(p, best) || (!seal_policy_stronger(best, p) && p < best))
            best = p;
    }
    return best;
}

struct seal_rule seal_policy_for(const struct hook_seal *h, struct span path, const struct span *lbl, size_t n)
{
    struct seal_rule r = {0};
    for (size_t i = 0; i < h->n_policies; i++)
        if (fits(&h->policies[i], path) && better(&h->policies[i], r.p))
            r.p = &h->policies[i];
    const struct seal_policy *p = labelled(h, lbl, n, &r.unknown);
    if (seal_policy_stronger(p, r.p))
        r.p = p;
    return r;
}

enum seal_level seal_rule_level(const struct seal_rule *r)
{
    return r->unknown ? SEAL_REFUSE_CLEAR : r->p ? r->p->level : SEAL_PASS;
}

bool seal_rule_follows(const struct seal_rule *was, const struct seal_rule *will)
{
    if (will->unknown || seal_rule_level(was) == SEAL_PASS)
        return true;
    return !was->unknown && (will->p == was->p || seal_policy_stronger(will->p, was->p));
}
