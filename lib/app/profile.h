/* profile.h - who speaks: one INI file in the profile folder (rows: profile.def). */
#ifndef APP_PROFILE_H
#define APP_PROFILE_H

#include "app/app.h"
#include "esd/reader.h"

enum {
    PROFILE_TTPS_MAX = 8,
    PROFILE_STREAMS_MAX = 64,
    PROFILE_READERS_MAX = 64,
    PROFILE_PADS_MAX = 16,
    PROFILE_PAIRS_MAX = 16,
    PROFILE_ALSO_MAX = 8,
    PROFILE_KEYS_MAX = 16,
};

/* Where the keys come from that this device seals with. */
enum profile_key { PROFILE_KEY_OWN, PROFILE_KEY_TTP, PROFILE_KEY_PROVISIONED };

struct profile_ttp {
    const char *fqdn, *bundle;
    const char *url; /* NULL: there is a `via` */
    const char *via; /* FQDN of the TTP that asks this one for us; NULL: it is asked itself */
};
struct profile_stream {
    struct span address, writer;        /* writer empty: the hosting CSE */
    struct span also[PROFILE_ALSO_MAX]; /* other addresses that lead there: ri, announced copy, group */
    size_t n_also;
    bool clear;
    struct reader_policy policy;
};
struct profile_own_key {
    struct span kid; /* name@fqdn, or the identifier of a certificate */
    const char *file;
    uint8_t suid;
};
/* A key for requests protected end to end, and the CSE at the other end (absolute CSE-ID). */
struct profile_pair {
    const char *kid, *key_file;
    struct span peer;
};
/* Everything lives in app->mem. Texts that are optional in profile.def may be NULL. */
struct profile {
    const char *path, *name;
    const char *ae_id; /* absolute */
    const char *stem;  /* its last part, which goes into From */
    const char *sp;    /* "//demo.example" */
    const char *rn, *api, *store;
    const char *url, *server_name, *cse_id, *base;
    const char *certificate, *key_file, *ca;
    const char *listen, *poa;
    struct profile_ttp ttp[PROFILE_TTPS_MAX];
    struct span ttp_names[PROFILE_TTPS_MAX];
    size_t ttps;
    struct profile_stream stream[PROFILE_STREAMS_MAX];
    size_t streams;
    struct profile_pair pair[PROFILE_PAIRS_MAX];
    size_t pairs;
    struct profile_own_key key[PROFILE_KEYS_MAX];
    size_t n_keys;
    const char *seal_ttp, *seal_policy;
    struct span readers[PROFILE_READERS_MAX];
    size_t n_readers;
    enum profile_key seal_key;
    const char *seal_key_file, *seal_key_id; /* provisioned */
    bool seal_strict;
    uint64_t seal_batch;                 /* readings in one envelope; 0: no batches */
    int64_t seal_batch_ms;               /* or so long; 0: no such limit */
    uint32_t seal_pad[PROFILE_PADS_MAX]; /* sizes that plaintexts are padded to, rising */
    size_t seal_pads;                    /* 0: no padding */
};

/* The profile `name`: NAME.conf in --config DIR or $XDG_CONFIG_HOME/oneseal/profiles.d (~/.config), or a path
 * when it has a slash. NULL: --profile, which must then be given. Says the fault: ST_USAGE, ST_NOT_FOUND, ST_CONFIG. */
MUST_USE enum status profile_load(struct app *app, const char *name, struct profile *out);

/* "PROFILE:ADDRESS", or ADDRESS with --profile: loads the profile and gives the oneM2M address behind the colon in
 * the form it was written. Says the fault. */
MUST_USE enum status profile_object(struct app *app, const char *object, struct profile *p, struct span *address);

/* One more size of padding, as a text. False: no number of octets, not larger than the one before, or one too many. */
bool profile_pad_add(struct profile *p, struct span size);

/* The absolute form of an address: //sp/cse/... as it is, /cse/... with the SP in front, anything else below the
 * server's CSE. Lives in app->mem. */
struct span profile_absolute(struct app *app, const struct profile *p, struct span address);
/* The absolute structured address that an absolute one means: itself, or the one that the profile pins for it ([stream]
 * also). Empty: a resource identifier, a hybrid, a group or a copy that nothing is pinned for, so that the place of
 * what comes from there cannot be verified. */
struct span profile_place(const struct profile *p, struct span absolute);
/* The stream row of a container, NULL when there is none. */
const struct profile_stream *profile_stream_of(const struct profile *p, struct span address);
/* The trusted TTP of that name, NULL when there is none. */
const struct profile_ttp *profile_ttp_of(const struct profile *p, struct span fqdn);

#endif
