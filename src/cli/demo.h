/* demo.h - five actors as real processes on loopback: what the files of the demo share.
 *
 * demo.c         the verb, its options, the order of things
 * demo_plan.c    what the options ask for: who hosts, who seals, where the credential comes from
 * demo_house.c   folder, certificates, configuration files, profiles
 * demo_proc.c    starting, asking and ending processes
 * demo_actor.c   the role of device and applications: commands on standard input, JSON on standard output
 * demo_steps.c   the ten steps, each checked
 * demo_live.c    who sees what, reading by reading, until Ctrl-C
 * demo_find.c    how another terminal finds the demo that runs
 * demo_revoke.c  `demo revoke` from another terminal */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <sys/types.h>

#include "cli/cli.h"
#include "wire/json.h"

#define DEMO_SP       "//demo.example"
#define DEMO_DOMAIN   "demo.example"
#define DEMO_SP_2     "//partner.example" /* of a demo with two domains: the applications' */
#define DEMO_DOMAIN_2 "partner.example"
#define DEMO_TTP_2    "ttp.partner.example"
#define DEMO_POLICY   "ward-3"
#define DEMO_PAIR_ID  "heat@demo.example"     /* of the key that app-heat and the host share (ESPrim) */
#define DEMO_KEY_ID   "thermo-1@demo.example" /* of the provisioned credential */

enum {
    DEMO_LINE_MAX = 1 << 20,
    DEMO_EVENTS_MAX = 1 << 16,
    DEMO_START_MS = 15000,
    DEMO_ASK_MS = 20000,
    DEMO_STEPS = 10,
    DEMO_VIA_MAX = 16
};

/* DEMO_HOST: the ASN-CSE on the device, of a demo in which the device hosts. DEMO_GATEWAY_2: the MN-CSE that hosts
 * nothing and beside which the TTP runs, of a demo with --ttp other-gateway. DEMO_TTP_2_P and DEMO_SERVER_2: of the
 * second domain, with --domains 2. */
enum demo_who {
    DEMO_TTP_P,
    DEMO_TTP_2_P,
    DEMO_SERVER,
    DEMO_GATEWAY,
    DEMO_GATEWAY_2,
    DEMO_SERVER_2,
    DEMO_HOST,
    DEMO_DEVICE,
    DEMO_HEAT,
    DEMO_OTHER,
    DEMO_ACTORS
};

/* The CSE that hosts the sensor's data, and what follows from it. */
struct demo_site {
    enum demo_who who;
    const char *role, *cse_id, *base;   /* of its configuration */
    const char *server_name;            /* of its certificate */
    const char *ae_id;                  /* the sensor's, SP-relative */
    const char *data, *remote, *stream; /* the container: CSE-relative, SP-relative, absolute */
};

/* Who is the Trusted Third Party. */
struct demo_ttp {
    const char *word;  /* of --ttp */
    const char *fqdn;  /* the part of a credential's identifier behind the @; a gateway's is its public domain name */
    const char *reads; /* what that means for who can read, for people; NULL: nobody on the path can */
    enum demo_who beside; /* the MN-CSE that it runs beside; DEMO_TTP_P: none */
};

enum demo_key { DEMO_KEY_OWN, DEMO_KEY_TTP, DEMO_KEY_PROVISIONED };

/* What the options ask for. */
struct demo_plan {
    const struct demo_site *site;
    const struct demo_ttp *ttp;
    bool device_seals; /* the sensor's application seals; otherwise the CSE that hosts */
    bool strict;       /* whoever seals cannot open */
    bool esprim;       /* app-heat's requests are end-to-end protected primitives */
    bool two;          /* the applications are of another service provider, with a TTP and an IN-CSE of its own */
    enum demo_key key;
    uint64_t batch; /* readings in one envelope; 0: each in its own */
};

struct actor {
    const char *name;
    pid_t pid;       /* 0: not running */
    int in, out;     /* -1: none */
    char https[128]; /* "127.0.0.1:PORT", empty until it is ready */
    struct buf text; /* what was read and not used yet */
};

struct demo {
    struct cli *c;
    const char *dir, *link, *bin_cse, *bin_ttp, *self;
    struct demo_plan plan;
    bool once, hold, keep, made;
    uint64_t count;
    FILE *from; /* NULL: telemetry of this host */
    char *line;
    size_t line_cap;
    struct {
        const char *link, *address;
    } via[DEMO_VIA_MAX];
    size_t vias;
    struct actor actor[DEMO_ACTORS];
    unsigned port_2;                     /* of the second server, which the first has to know before it is there */
    struct arena turn;                   /* lines and answers; the live demo empties it after each reading */
    struct jval *event[DEMO_EVENTS_MAX]; /* what app-heat reported of its own accord, in `turn` */
    size_t events;
    uint64_t sent;      /* readings given to the device */
    const char *failed; /* why an actor could not be asked, for the present step */
    volatile bool *stop;
};

/* ---- demo_plan.c ---- */
/* Reads --mode, --host, --ttp, --domains, --key, --strict, --esprim and --batch. Says the fault: a word that is none,
 * or two that do not go together. */
MUST_USE enum status plan_take(struct demo *d);
/* Commands for the device that make its access control policy and a container with these members besides `rn` and
 * `acpi` ("" or ",..."). In the command line's memory. */
const char *plan_acp(struct demo *d);
const char *plan_container(struct demo *d, const char *name, const char *members);
/* The text with {host}, {sealer}, {credential} and {further} filled in, for people. In the command line's memory. */
const char *plan_words(struct demo *d, const char *text);
/* What a gateway as TTP means for who can read, as a line or a JSON object. Nothing otherwise. */
MUST_USE enum status plan_tell(struct demo *d);
/* app-heat as access control policies and subscriptions at the host name it; the container as app-heat names it. */
const char *plan_heat(const struct demo *d);
const char *plan_remote(const struct demo *d);
/* What the domain of the applications is called, "//demo.example". */
const char *plan_readers_sp(const struct demo *d);
/* Is nobody on the path asked for a key? */
static inline bool plan_provisioned(const struct demo *d)
{
    return d->plan.key == DEMO_KEY_PROVISIONED;
}

/* ---- demo_house.c ---- */
/* Is this actor, by its name, of the second domain? */
bool house_second(const struct demo *d, const char *name);
/* Folder, CA, certificates, bundle-free configuration. Says the fault. */
MUST_USE enum status house_make(struct demo *d);
/* Configuration of a TTP; partners: with the other one as its partner, whose bundle is there. */
MUST_USE enum status house_ttp(struct demo *d, enum demo_who who, bool partners);
/* Configuration of the server, the gateway or the device's CSE. */
MUST_USE enum status house_cse(struct demo *d, enum demo_who who);
MUST_USE enum status house_profiles(struct demo *d);
/* actors.json: who listens where. */
MUST_USE enum status house_actors(struct demo *d);
/* Removes the folder, unless it is to be kept. */
void house_clean(struct demo *d);
/* "127.0.0.1:PORT" where `link` goes: the relay of --via, or the real one. */
const char *house_link(const struct demo *d, const char *link, const char *real);

/* ---- demo_proc.c ---- */
/* Starts argv with standard error in DIR/NAME.log. Says the fault. */
MUST_USE enum status proc_start(struct demo *d, enum demo_who who, const char *const *argv);
/* Waits for the line "ready https=..." and keeps the address. Says the fault. */
MUST_USE enum status proc_ready(struct demo *d, enum demo_who who);
/* Runs to its end. Says the fault when its exit status is not 0. */
MUST_USE enum status proc_run(struct demo *d, const char *name, const char *const *argv);
/* Gives an actor a command and waits for its answer; events that come in between are kept. NULL and d->failed: there
 * is none. The answer lives in d->turn. */
struct jval *proc_ask(struct demo *d, enum demo_who who, const char *fmt, ...) PRINTF(3, 4);
/* Reads what an actor says of its own accord, for at most `ms`. False: it is gone. */
bool proc_listen(struct demo *d, enum demo_who who, int ms);
/* Ends all, first kindly. */
void proc_end_all(struct demo *d);

/* ---- demo.c ---- */
/* The next reading as JSON text in d->turn; NULL: there are no more. */
const char *demo_reading(struct demo *d);
/* The device stores a reading; the answer, or NULL. Keys that the TTP makes are fetched when the first reading asks for
 * one, so then it is tried again while there is none (5000, no-credential). */
struct jval *demo_put(struct demo *d, const char *container, const char *reading);
int64_t demo_now_ms(void);
/* The text of a string member; "" when there is none. In d->turn. */
const char *demo_text(struct demo *d, const struct jval *v, const char *name);
int demo_int(const struct jval *v, const char *name);
/* --hold: tells the point and waits for a line. */
void demo_hold(struct demo *d, const char *point);

/* ---- demo_find.c ---- */
/* Leaves a link to the folder, named by our process id, where other terminals of this user look. Not fatal. */
void find_announce(struct demo *d);
void find_withdraw(struct demo *d);
/* The folder of the one living demo. Says the fault: none, or several. */
MUST_USE enum status find_living(struct cli *c, const char **dir);

/* ---- demo_steps.c, demo_live.c ---- */
/* All ten; ST_DONE when all hold. */
MUST_USE enum status steps_run(struct demo *d);
/* The set-up that comes before the first reading: device, containers, applications. Says the fault. */
MUST_USE enum status live_run(struct demo *d);

#endif
