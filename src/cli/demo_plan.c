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

enum status plan_take(struct demo *d)
{
    static const char *const modes[] = {"gateway", "device"}, *const keys[] = {"own", "ttp", "provisioned"};
    struct cli *c = d->c;
    struct demo_plan *p = &d->plan;
    const char *mode = cli_opt(c, "mode"), *host = cli_opt(c, "host"), *key = cli_opt(c, "key");
    int seals = word_of(mode, modes, LEN(modes)), hosts = word_of(host, modes, LEN(modes));
    int source = word_of(key, keys, LEN(keys));
    if (seals < 0)
        return usage(d, "--mode wants gateway or device", mode);
    if (hosts < 0)
        return usage(d, "--host wants gateway or device", host);
    if (source < 0)
        return usage(d, "--key wants own, ttp or provisioned", key);
    p->device_seals = seals == 1;
    p->site = hosts == 1 ? &at_device : &at_gateway;
    p->key = (enum demo_key)source;
    p->strict = cli_has(c, "strict");
    p->esprim = cli_has(c, "esprim");
    if (p->strict && plan_provisioned(d))
        return usage(d, "--strict needs pairs from the TTP, and a provisioned key comes from nobody", "--strict");
    return cli_number(c, "batch", 1, BATCH_MAX, 0, &p->batch);
}

const char *plan_acp(struct demo *d)
{
    const char *device = d->plan.site->ae_id;
    return cli_fmt(d->c,
                   "create 1 %s/thermo-1 {\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":["
                   "{\"acor\":[\"/Sapp-heat\"],\"acop\":51%s},{\"acor\":[\"%s\"],\"acop\":63}]},"
                   "\"pvs\":{\"acr\":[{\"acor\":[\"%s\"],\"acop\":63}]}}}",
                   d->plan.site->base, d->plan.esprim ? ",\"acaf\":true" : "", device, device);
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
