#include "ttp/front_est.h"

static const char base[] = "/.well-known/est/";

/* `signed_kind`: the same path with application/jose, a request that the present certificate's key has signed. */
static const struct {
    const char *name, *method;
    enum ttp_kind kind, signed_kind;
    bool cert; /* a client certificate is needed */
} paths[] = {
    {"cacerts", "GET", KIND_EST_CACERTS, KIND_EST_CACERTS, false},
    {"csrattrs", "GET", KIND_EST_CSRATTRS, KIND_EST_CSRATTRS, false},
    {"simpleenroll", "POST", KIND_EST_ENROLL, KIND_EST_SIGNED, false},
    {"simplereenroll", "POST", KIND_EST_REENROLL, KIND_EST_SIGNED, true},
};

static struct span media_of(const struct http_req *r)
{
    struct span s = HTTP_FIELD(r, "content-type");
    s = span_first(s, span_find(s, ';'));
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

static void post(struct front *f, struct http_req *r, size_t i)
{
    struct span media = media_of(r);
    bool jose = span_eq_nocase(media, SPAN("application/jose"));
    if (!jose && !span_eq_nocase(media, SPAN("application/pkcs10"))) {
        front_error(f, r, 415, "malformed", "Content-Type must say what the body is",
                    "application/pkcs10 with a request in base64, or application/jose");
        return;
    }
    if ((paths[i].cert || jose) && !r->peer) {
        front_error(
            f, r, 403, "refused", "this needs a client certificate",
            "connect with the certificate that is to be renewed; without one join with a token at simpleenroll");
        return;
    }
    struct front_ask *a = front_take(f, r);
    if (a)
        front_ask(f, a, jose ? paths[i].signed_kind : paths[i].kind, 0, r->body);
}

static void get(struct front *f, struct http_req *r, size_t i)
{
    struct front_ask *a = front_take(f, r);
    if (a)
        front_ask(f, a, paths[i].kind, 0, SPAN_NONE);
}

bool front_est_handle(struct front *f, struct http_req *r)
{
    if (!span_starts(r->path, span_str(base)))
        return false;
    struct span name = span_from(r->path, sizeof base - 1);
    for (size_t i = 0; i < LEN(paths); i++) {
        if (!span_eq(name, span_str(paths[i].name)))
            continue;
        if (!span_eq(r->method, span_str(paths[i].method)))
            front_error(f, r, 405, "malformed", "this path takes another method", "GET or POST, as RFC 7030 has it");
        else if (paths[i].method[0] == 'P')
            post(f, r, i);
        else
            get(f, r, i);
        return true;
    }
    front_error(f, r, 404, "malformed",
                "there is nothing at this path; keys are not made here, and there are no labels",
                "cacerts, csrattrs, simpleenroll, simplereenroll");
    return true;
}
