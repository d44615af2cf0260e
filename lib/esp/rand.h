/* rand.h - random objects of ESPrim: receiverESPrimRandObject and originatorESPrimRandObject (TS-0004 6.3.5.50, .51;
 * TS-0003 8.4.3.1). Their exact JSON octets go into the session key, so they are kept as text beside their meaning. */
#ifndef ESP_RAND_H
#define ESP_RAND_H

#include "esp/esp.h"
#include "wire/json.h"

enum { ESP_RANDOM = 16, ESP_RANDOM_TEXT = 23 /* octets of its NCName form, at most */ };

struct esp_rand {
    struct span text;  /* the object as it came: exact octets */
    struct span id;    /* esri */
    struct span value; /* esrv */
    int64_t expiry;    /* esrx, ms since 1970 */
    unsigned kgen;     /* bit 0: esprimKeyGenAlgID 1. Of a receiver those it takes, of an originator the one it chose */
    unsigned enc;      /* bit for each enum esp_enc */
    bool relative;     /* esrx counts from when the object came */
    bool odd;          /* names algorithms that are not known here (those have no bit) */
};

/* From a JSON object; spans point into its text or the arena. A relative esrx counts from `now`. ERR_SYNTAX: a member
 * is missing or of another form, or the text is longer than ESP_RAND_MAX; ERR_NOMEM. */
MUST_USE enum err esp_rand_read(const struct jval *v, bool receiver, int64_t now, struct arena *a,
                                struct esp_rand *out);
MUST_USE enum err esp_rand_text(struct span text, bool receiver, int64_t now, struct arena *a, struct esp_rand *out);

/* 16 octets as NCName: base64url, with an r in front where it would not begin with a letter or _ (security.md 3.3). */
void esp_rand_value(struct buf *b, const uint8_t octets[ESP_RANDOM]);
/* Compact JSON text, members in the order of the table. value: an NCName. */
void esp_rand_put(struct buf *b, bool receiver, struct span id, struct span value, int64_t expiry, unsigned kgen,
                  unsigned enc);

#endif
