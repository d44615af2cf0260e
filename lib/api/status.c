/* status.c - the statuses of liboneseal: those about data are the rows of reasons.def, under numbers that never change.
 */
#include "api/api.h"

#include "esd/reason.h"

static const unsigned char of_reason[REASON__N] = {
    [REASON_MALFORMED] = ONESEAL_MALFORMED,
    [REASON_ALGORITHM_REFUSED] = ONESEAL_ALGORITHM_REFUSED,
    [REASON_WRONG_PLACE] = ONESEAL_WRONG_PLACE,
    [REASON_PLACE_UNVERIFIED] = ONESEAL_PLACE_UNVERIFIED,
    [REASON_UNKNOWN_TTP] = ONESEAL_UNKNOWN_TTP,
    [REASON_NO_KEY_YET] = ONESEAL_NO_KEY_YET,
    [REASON_TTP_UNREACHABLE] = ONESEAL_TTP_UNREACHABLE,
    [REASON_TTP_SEALED] = ONESEAL_TTP_SEALED,
    [REASON_REFUSED] = ONESEAL_REFUSED,
    [REASON_EXPIRED] = ONESEAL_EXPIRED,
    [REASON_SHREDDED] = ONESEAL_SHREDDED,
    [REASON_WRITER_CHANGED] = ONESEAL_WRITER_CHANGED,
    [REASON_COMMITMENT_MISMATCH] = ONESEAL_COMMITMENT_MISMATCH,
    [REASON_TAMPERED] = ONESEAL_TAMPERED,
    [REASON_REPLAYED] = ONESEAL_REPLAYED,
    [REASON_ROLLED_BACK] = ONESEAL_ROLLED_BACK,
    [REASON_GAP] = ONESEAL_GAP,
    [REASON_STALE] = ONESEAL_STALE,
    [REASON_WITHHELD] = ONESEAL_WITHHELD,
    [REASON_FORGED_BY_READER] = ONESEAL_FORGED_BY_READER,
    [REASON_PROOF_INVALID] = ONESEAL_PROOF_INVALID,
    [REASON_NOT_SEALED] = ONESEAL_NOT_SEALED,
    [REASON_NO_CREDENTIAL] = ONESEAL_NO_CREDENTIAL,
    [REASON_REGISTRATION_OVERDUE] = ONESEAL_REGISTRATION_OVERDUE,
    [REASON_NO_CLOCK] = ONESEAL_NO_CLOCK,
    [REASON_WRITER_RESTORED] = ONESEAL_WRITER_RESTORED,
    [REASON_PARTIAL] = ONESEAL_PARTIAL,
    [REASON_UNCONFIRMED] = ONESEAL_UNCONFIRMED,
    [REASON_FAILED] = 0, /* not about the data */
};

static const struct {
    oneseal_status s;
    const char *code, *sentence;
    int heals;
} others[] = {
    {ONESEAL_OK, "ok", "done", 0},
    {ONESEAL_OTHER_VERDICT, "other-verdict", "a verdict that is newer than the program; do not use the data", 0},
    {ONESEAL_BAD_ARGUMENT, "bad-argument", "the program calls the library in a way that is not allowed", 0},
    {ONESEAL_NO_ROOM, "no-room", "the memory that the program gave is too small", 0},
    {ONESEAL_EPOCH_OVER, "epoch-over", "there is no key to seal with; a new epoch must begin", 0},
    {ONESEAL_CRYPTO, "crypto", "the cryptographic library or the source of random octets failed", 1},
    {ONESEAL_NO_MEMORY, "no-memory", "there is no memory left", 1},
    {ONESEAL_CONFIG, "config", "the profile or a file that it names is not valid", 0},
    {ONESEAL_NOT_FOUND, "not-found", "it is not there", 0},
    {ONESEAL_CONFLICT, "conflict", "it is there already, or changed meanwhile", 0},
    {ONESEAL_NO_PRIVILEGE, "no-privilege", "access control does not allow it", 0},
    {ONESEAL_UNREACHABLE, "unreachable", "the CSE does not answer, or TLS failed", 1},
    {ONESEAL_STOPPED, "stopped", "it was ended on request", 0},
    {ONESEAL_FAILED, "failed", "something failed in this program, not in the data", 1},
};

oneseal_status api_reason(enum reason r)
{
    if (r == REASON_OK)
        return ONESEAL_OK;
    if (r == REASON_FAILED)
        return ONESEAL_FAILED;
    return (unsigned)r < REASON__N && of_reason[r] ? (oneseal_status)of_reason[r] : ONESEAL_OTHER_VERDICT;
}

oneseal_status api_err(enum err e)
{
    static const struct {
        enum err e;
        oneseal_status s;
    } rows[] = {
        {OK, ONESEAL_OK},
        {ERR_FULL, ONESEAL_NO_ROOM},
        {ERR_NOMEM, ONESEAL_NO_MEMORY},
        {ERR_CRYPTO, ONESEAL_CRYPTO},
        {ERR_RANGE, ONESEAL_BAD_ARGUMENT},
        {ERR_LIMIT, ONESEAL_BAD_ARGUMENT},
        {ERR_SYNTAX, ONESEAL_MALFORMED},
        {ERR_UNSUPPORTED, ONESEAL_ALGORITHM_REFUSED},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].e == e)
            return rows[i].s;
    return ONESEAL_FAILED;
}

uint64_t api_flags(reason_set set)
{
    uint64_t flags = 0;
    for (unsigned r = 1; r < REASON__N; r++)
        if ((set & reason_bit((enum reason)r)) && of_reason[r])
            flags |= ONESEAL_FLAG(of_reason[r]);
    return flags;
}

static enum reason reason_of_status(oneseal_status s)
{
    for (unsigned r = 1; r < REASON__N; r++)
        if (of_reason[r] == (unsigned)s && of_reason[r])
            return (enum reason)r;
    return REASON_OK;
}

const char *oneseal_version(void)
{
    return ONESEAL_VERSION;
}

const char *oneseal_code(oneseal_status s)
{
    enum reason r = reason_of_status(s);
    if (r != REASON_OK)
        return reason_code(r);
    for (size_t i = 0; i < LEN(others); i++)
        if (others[i].s == s)
            return others[i].code;
    return "unknown";
}

const char *oneseal_sentence(oneseal_status s)
{
    enum reason r = reason_of_status(s);
    if (r != REASON_OK)
        return reason_text(r);
    for (size_t i = 0; i < LEN(others); i++)
        if (others[i].s == s)
            return others[i].sentence;
    return "no such status";
}

int oneseal_heals(oneseal_status s)
{
    enum reason r = reason_of_status(s);
    if (r != REASON_OK)
        return reason_heals(r);
    for (size_t i = 0; i < LEN(others); i++)
        if (others[i].s == s)
            return others[i].heals;
    return 0;
}
