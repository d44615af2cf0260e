/* demo_plan.c - what the options of a demo ask for. */
#include "cli/demo.h"

enum { BATCH_MAX = 1000 };

#define SITE(cse, b)                                                                                                   \
    .cse_id = "/" cse, .base = b, .ae_id = "/" cse "/Cthermo-1", .data = b "/thermo-1/data",                           \
    .remote = "/" cse "/" b "/thermo-1/data", .stream = DEMO_SP "/" cse "/" b "/thermo-1/data"

static const struct demo_site at_gateway = {
    .who = DEMO_GATEWAY, .role = "mn", .server_name = "id-mn.id-in." DEMO_DOMAIN, SITE("id-mn", "mn")};
static const struct demo_site at_device = {
    .who = DEMO_HOST, .role = "asn", .server_name = "id-asn.id-in." DEMO_DOMAIN, SITE("id-asn", "asn")};

/* The first is what is taken without --ttp. A gateway as TTP goes by the public domain name of its CSE-ID. */
static const struct demo_ttp ttps[] = {
    {"separate", "ttp." DEMO_DOMAIN, NULL, DEMO_TTP_P},
    {"own-gateway", "id-mn.id-in." DEMO_DOMAIN,
     "this gateway can read: what it hosts or forwards, and the credentials for it, lie in the same hands",
     DEMO_GATEWAY},
    {"other-gateway", "id-mn2.id-in." DEMO_DOMAIN,
     "gateway-2 has the credentials and is given no data; the gateway that hosts has no credential once it has sealed",
     DEMO_GATEWAY_2},
};

static enum status usage(struct demo *d, const char *what, const char *value)
{
    return CLI_FAIL(d->c, ST_USAGE, .what = what, .who = "this program", .kind = "argument", .object = value,
                    .todo = "see: oneseal demo --help");
}

/* The number of `value` among the words; -1: it is none of them. Without a value the first. */
static int word_of(const char *value, const char *const *words, size_t n)
{
    for (size_t i = 0; value && i < n; i++)
        if (strcmp(value, words[i]) == 0)
            return (int)i;
    return value ? -1 : 0;
}

static const struct demo_ttp *ttp_of(const char *word)
{
    for (size_t i = 0; i < LEN(ttps); i++)
        if (!word || strcmp(word, ttps[i].word) == 0)
            return &ttps[i];
    return NULL;
}

/* Who could read, said before the steps show it. */
static enum status tell_domains(struct demo *d)
{
    static const struct {
        const char *who, *reads;
    } rows[] = {
        {"device and gateway, " DEMO_DOMAIN, "the reading, where it is made and sealed"},
        {"app-heat, " DEMO_DOMAIN_2, "the reading: the owner's policy names it, and its own TTP vouches for it"},
        {"TTP of " DEMO_DOMAIN, "the credential, which it keeps; no reading passes it"},
        {"IN-CSE of " DEMO_DOMAIN, "neither: forwards what is sealed"},
        {"IN-CSE of " DEMO_DOMAIN_2, "neither: forwards what is sealed"},
        {"TTP of " DEMO_DOMAIN_2, "neither: it vouches, and hands on a credential that is wrapped for app-heat"},
        {"app-other, " DEMO_DOMAIN_2, "neither: its TTP vouches for it, and the owner's policy does not name it"},
    };
    struct cli *c = d->c;
    enum status st = ST_DONE;
    for (size_t i = 0; i < LEN(rows) && st == ST_DONE; i++)
        st = cli_out_line(
            c, span_str(c->json ? cli_fmt(c, "{\"v\":1,\"who\":\"%s\",\"can-read\":\"%s\"}", rows[i].who, rows[i].reads)
                                : cli_fmt(c, "  %-34s  %s", rows[i].who, rows[i].reads)));
    return st;
}

const char *plan_heat(const struct demo *d)
{
    return d->plan.two ? DEMO_SP_2 "/Sapp-heat" : "/Sapp-heat";
}

const char *plan_remote(const struct demo *d)
{
    return d->plan.two ? d->plan.site->stream : d->plan.site->remote;
}

const char *plan_readers_sp(const struct demo *d)
{
    return d->plan.two ? DEMO_SP_2 : DEMO_SP;
}

enum status plan_tell(struct demo *d)
{
    struct cli *c = d->c;
    if (d->plan.two)
        return tell_domains(d);
    const struct demo_ttp *t = d->plan.ttp;
    if (!t->reads)
        return ST_DONE;
    return cli_out_line(c, span_str(c->json ? cli_fmt(c, "{\"v\":1,\"ttp\":\"%s\",\"fqdn\":\"%s\",\"note\":\"%s\"}",
                                                      t->word, t->fqdn, t->reads)
                                            : cli_fmt(c, "  TTP: %s (%s)\n       %s\n", t->word, t->fqdn, t->reads)));
}

enum status plan_take(struct demo *d)
{
    static const char *const modes[] = {"gateway", "device"}, *const keys[] = {"own", "ttp", "provisioned"};
    struct cli *c = d->c;
    struct demo_plan *p = &d->plan;
    const char *mode = cli_opt(c, "mode"), *host = cli_opt(c, "host"), *key = cli_opt(c, "key"),
               *ttp = cli_opt(c, "ttp"), *domains = cli_opt(c, "domains");
    int seals = word_of(mode, modes, LEN(modes)), hosts = word_of(host, modes, LEN(modes));
    int source = word_of(key, keys, LEN(keys));
    if (seals < 0)
        return usage(d, "--mode wants gateway or device", mode);
    if (hosts < 0)
        return usage(d, "--host wants gateway or device", host);
    if (source < 0)
        return usage(d, "--key wants own, ttp or provisioned", key);
    if (!(p->ttp = ttp_of(ttp)))
        return usage(d, "--ttp wants separate, own-gateway or other-gateway", ttp);
    if (domains && strcmp(domains, "1") != 0 && strcmp(domains, "2") != 0)
        return usage(d, "--domains wants 1 or 2", domains);
    p->two = domains && domains[0] == '2';
    p->device_seals = seals == 1;
    p->site = hosts == 1 ? &at_device : &at_gateway;
    p->key = (enum demo_key)source;
    p->strict = cli_has(c, "strict");
    p->esprim = cli_has(c, "esprim");
    if (ttp && plan_provisioned(d))
        return usage(d, "--ttp says who has the credential, and a provisioned one is with both ends only", ttp);
    if (p->two && (plan_provisioned(d) || p->esprim || ttp))
        return usage(d, "--domains 2 is about a TTP in each domain: leave out --ttp, --esprim and --key provisioned",
                     domains);
    if (p->strict && plan_provisioned(d))
        return usage(d, "--strict needs pairs from the TTP, and a provisioned key comes from nobody", "--strict");
    return cli_number(c, "batch", 1, BATCH_MAX, 0, &p->batch);
}

const char *plan_acp(struct demo *d)
{
    const char *device = d->plan.site->ae_id;
    return cli_fmt(d->c,
                   "create 1 %s/thermo-1 {\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":["
                   "{\"acor\":[\"%s\"],\"acop\":51%s},{\"acor\":[\"%s\"],\"acop\":63}]},"
                   "\"pvs\":{\"acr\":[{\"acor\":[\"%s\"],\"acop\":63}]}}}",
                   d->plan.site->base, plan_heat(d), d->plan.esprim ? ",\"acaf\":true" : "", device, device);
}

const char *plan_container(struct demo *d, const char *name, const char *members)
{
    const char *base = d->plan.site->base;
    return cli_fmt(d->c, "create 3 %s/thermo-1 {\"m2m:cnt\":{\"rn\":\"%s\"%s,\"acpi\":[\"%s/thermo-1/acp\"]}}", base,
                   name, members, base);
}

static const char *word(const struct demo *d, struct span name)
{
    static const char *const credentials[] = {"registered with the TTP", "made by the TTP", "provisioned beforehand"};
    bool device = d->plan.site->who == DEMO_HOST;
    if (span_eq(name, SPAN("host")))
        return device ? "device" : "gateway";
    if (span_eq(name, SPAN("registers")))
        return device ? "hosts its sensor data and registers with the gateway"
                      : "registers its sensor data with the gateway";
    if (span_eq(name, SPAN("sealer")))
        return device || d->plan.device_seals ? "device" : "gateway";
    if (span_eq(name, SPAN("credential")))
        return credentials[d->plan.key];
    if (span_eq(name, SPAN("server")))
        return d->plan.two ? "server of its own domain" : "server";
    if (span_eq(name, SPAN("asks")))
        return d->plan.two ? "TTP of its own domain, which vouches for it before the owner's," : "TTP";
    if (span_eq(name, SPAN("checks")))
        return d->plan.two ? "TTP of the owner's domain" : "TTP";
    if (span_eq(name, SPAN("servers")))
        return d->plan.two ? "the servers of both domains forward" : "the server forwards";
    if (span_eq(name, SPAN("these")))
        return d->plan.two ? "they" : "it";
    return device ? " and that to the device" : "";
}

const char *plan_words(struct demo *d, const char *text)
{
    struct span rest = span_str(text);
    const char *out = "";
    while (rest.n) {
        struct span plain = span_cut(&rest, '{');
        out = cli_fmt(d->c, "%s%.*s", out, SPAN_FMT(plain));
        if (rest.n)
            out = cli_fmt(d->c, "%s%s", out, word(d, span_cut(&rest, '}')));
    }
    return out;
}
