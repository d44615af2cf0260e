#include "cse/criterion.h"

#include <stdlib.h>
#include <string.h>

enum { EQUAL = 1, NOT_EQUAL, GREATER, LESS, GREATER_EQUAL, LESS_EQUAL };

static bool is_number(const struct jval *v)
{
    return v->type == J_INT || v->type == J_FLOAT;
}

static bool to_double(const struct jval *v, double *out)
{
    char text[64], *end;
    if (v->raw.n >= sizeof text)
        return false;
    memcpy(text, v->raw.p, v->raw.n);
    text[v->raw.n] = 0;
    *out = strtod(text, &end);
    return *end == 0;
}

/* -1, 0, 1; false: they do not compare. */
static bool compare(const struct jval *x, const struct jval *y, struct arena *a, int *order)
{
    int64_t i, k;
    double d, e;
    if (x->type == J_STR && y->type == J_STR) {
        *order = span_cmp(name_text(x, a), name_text(y, a));
        return true;
    }
    if (is_number(x) && is_number(y)) {
        if (x->type == J_INT && y->type == J_INT && json_i64(x, &i) == OK && json_i64(y, &k) == OK)
            *order = i < k ? -1 : i > k;
        else if (to_double(x, &d) && to_double(y, &e))
            *order = d < e ? -1 : d > e;
        else
            return false;
        return true;
    }
    *order = span_eq(x->raw, y->raw) ? 0 : 1;
    return x->type == y->type;
}

static int64_t operator_of(const struct jval *evc)
{
    int64_t optr = 0;
    const struct jval *v = JSON_GET(evc, "optr");
    return v && json_i64(v, &optr) == OK ? optr : 0;
}

const char *criterion_fault(const struct row *subject, const struct jval *evc, struct arena *a)
{
    const struct type *t = type_of_row(subject);
    const struct jval *thld = JSON_GET(evc, "thld");
    int64_t optr = operator_of(evc);
    if (type_named(t, name_text(JSON_GET(evc, "sbjt"), a))->create == P_ABSENT)
        return "its subject is no attribute of the resource that it looks at";
    if (optr > NOT_EQUAL && thld && thld->type != J_STR && !is_number(thld))
        return "only numbers and texts have an order";
    return NULL;
}

static bool meets(int64_t optr, int order)
{
    switch (optr) {
    case EQUAL:
        return order == 0;
    case NOT_EQUAL:
        return order != 0;
    case GREATER:
        return order > 0;
    case LESS:
        return order < 0;
    case GREATER_EQUAL:
        return order >= 0;
    case LESS_EQUAL:
        return order <= 0;
    default:
        return false;
    }
}

/* What is sealed has no order and equals nothing; JWE compact is an object in base64url. */
static bool is_sealed(const struct row *subject, struct span name, const struct jval *v)
{
    return v && v->type == J_STR && type_named(type_of_row(subject), name)->sealed &&
           span_starts(v->raw, SPAN("\"eyJ"));
}

enum err criterion_holds(struct run *r, const struct row *subject, const struct jval *evc, bool *yes)
{
    struct span text;
    const struct jval *whole, *has, *thld = JSON_GET(evc, "thld");
    int order;
    *yes = false;
    TRY(view_text(r, subject, &text));
    TRY(name_parse(text, r->a, &whole));
    struct span name = name_text(JSON_GET(evc, "sbjt"), r->a);
    has = json_get(whole->child, name);
    if (has && thld && !is_sealed(subject, name, has) && compare(has, thld, r->a, &order))
        *yes = meets(operator_of(evc), order);
    return OK;
}
