/* ip.h - IPv4 and IPv6 addresses as policies write them. Internal to lib/m2m. */
#ifndef M2M_IP_H
#define M2M_IP_H

#include "base/span.h"

struct ip {
    uint8_t family; /* 4 or 6 */
    uint8_t bits;   /* prefix length; 32 or 128 when none was written */
    uint8_t a[16];  /* network order; 4 octets of it for IPv4 */
};

/* "10.0.0.0/8": four decimal numbers without leading zeros. "2001:db8::/32": RFC 4291 2.2, a trailing IPv4 part
 * included. ERR_SYNTAX for everything else. */
MUST_USE enum err ip_get(struct span text, unsigned family, struct ip *out);
/* Is the address inside the prefix? An IPv4-mapped IPv6 address counts as IPv4. */
bool ip_in(const struct ip *net, unsigned family, const uint8_t a[16]);

#endif
