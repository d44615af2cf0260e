#include "esd/alg.h"

static const struct esd_alg_row rows[] = {
#define ALG(name, text, family, octets, sig, kind) [ESD_##name] = {text, ALG_##family, octets, sig, JWKEY_##kind},
#include "esd/alg.def"
#undef ALG
};

static const struct {
    const char *text;
    size_t key;
} encs[] = {[ESD_A128GCM] = {"A128GCM", 16}, [ESD_A192GCM] = {"A192GCM", 24}, [ESD_A256GCM] = {"A256GCM", 32}};

_Static_assert(ESD_ALG__N + ESD_ENC__N < 31, "a set of algorithms fits its type");

const struct esd_alg_row *alg_row(enum esd_alg a)
{
    return &rows[(unsigned)a < ESD_ALG__N ? a : ESD_DIR];
}

enum err alg_of(struct span text, enum esd_alg *out)
{
    for (unsigned i = 0; i < ESD_ALG__N; i++)
        if (span_eq(text, span_str(rows[i].text))) {
            *out = (enum esd_alg)i;
            return OK;
        }
    return ERR_UNSUPPORTED;
}

size_t esd_enc_key(enum esd_enc enc)
{
    return encs[(unsigned)enc < ESD_ENC__N ? enc : ESD_A128GCM].key;
}

const char *enc_text(enum esd_enc enc)
{
    return encs[(unsigned)enc < ESD_ENC__N ? enc : ESD_A128GCM].text;
}

enum err enc_of(struct span text, enum esd_enc *out)
{
    for (unsigned i = 0; i < ESD_ENC__N; i++)
        if (span_eq(text, span_str(encs[i].text))) {
            *out = (enum esd_enc)i;
            return OK;
        }
    return ERR_UNSUPPORTED;
}

enum err alg_set_read(struct span names, alg_set *out)
{
    *out = 0;
    for (struct span rest = names; rest.p;) {
        struct span name = span_cut(&rest, ' ');
        enum esd_alg a;
        enum esd_enc e;
        if (alg_of(name, &a) == OK)
            *out |= ALG_BIT(a);
        else if (enc_of(name, &e) == OK)
            *out |= ALG_ENC(e);
        else if (span_eq(name, SPAN("x25519")))
            *out |= ALG_X25519;
        else
            return ERR_UNSUPPORTED;
    }
    return OK;
}

/* ---- what goes with what ------------------------------------------------------------------------ */

enum { ENCRYPTS = 1 << ALG_DIRECT | 1 << ALG_KW, AGREES = 1 << ALG_ECDH, DECRYPTS = 1 << ALG_ECDH | 1 << ALG_RSA };

static const struct {
    uint8_t suid, families;
    bool halves;
} suids[] = {
    {14, ENCRYPTS, false},    {24, ENCRYPTS | AGREES, true}, {34, ENCRYPTS | AGREES, true}, {15, 1 << ALG_MAC, false},
    {25, 1 << ALG_MAC, true}, {35, 1 << ALG_MAC, true},      {44, DECRYPTS, false},         {45, 1 << ALG_SIGN, false},
};

bool alg_suid_fits(enum esd_alg a, uint8_t suid)
{
    for (size_t i = 0; i < LEN(suids); i++)
        if (suids[i].suid == suid)
            return suids[i].families >> alg_row(a)->family & 1;
    return false;
}

bool alg_suid_halves(uint8_t suid)
{
    for (size_t i = 0; i < LEN(suids); i++)
        if (suids[i].suid == suid)
            return suids[i].halves;
    return false;
}

static const struct {
    uint8_t from, to, families;
} prefixes[] = {{14, 14, 1 << ALG_DIRECT},
                {15, 15, 1 << ALG_KW},
                {16, 16, 1 << ALG_MAC},
                {41, 45, DECRYPTS},
                {51, 55, 1 << ALG_SIGN}};

bool alg_prefix_fits(enum esd_alg a, unsigned type)
{
    for (size_t i = 0; i < LEN(prefixes); i++)
        if (type >= prefixes[i].from && type <= prefixes[i].to)
            return prefixes[i].families >> alg_row(a)->family & 1;
    return true;
}
