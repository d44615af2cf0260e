#include "net/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static enum err parse_host(struct span host, bool six, uint16_t port, struct net_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.n == 0 || host.n >= sizeof text)
        return ERR_SYNTAX;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    memset(out, 0, sizeof *out);
    if (six) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&out->sa;
        a->sin6_family = AF_INET6;
        a->sin6_port = htons(port);
        out->n = sizeof *a;
        return inet_pton(AF_INET6, text, &a->sin6_addr) == 1 ? OK : ERR_SYNTAX;
    }
    struct sockaddr_in *a = (struct sockaddr_in *)&out->sa;
    a->sin_family = AF_INET;
    a->sin_port = htons(port);
    out->n = sizeof *a;
    return inet_pton(AF_INET, text, &a->sin_addr) == 1 ? OK : ERR_SYNTAX;
}

enum err net_addr_parse(struct span text, struct net_addr *out)
{
    size_t colon = span_rfind(text, ':');
    if (colon == text.n)
        return ERR_SYNTAX;
    uint64_t port;
    TRY(span_u64(span_from(text, colon + 1), 65535, &port));
    struct span host = span_first(text, colon);
    bool six = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (six)
        host = span_of(host.p + 1, host.n - 2);
    return parse_host(host, six, (uint16_t)port, out);
}

const char *net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->sa.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&a->sa)->sin6_addr, host, sizeof host);
        snprintf(text, NET_ADDR_TEXT_MAX, "[%s]:%u", host, net_addr_port(a));
    } else {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&a->sa)->sin_addr, host, sizeof host);
        snprintf(text, NET_ADDR_TEXT_MAX, "%s:%u", host, net_addr_port(a));
    }
    return text;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    if (a->sa.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->sa)->sin6_addr);
    return (ntohl(((const struct sockaddr_in *)&a->sa)->sin_addr.s_addr) >> 24) == 127;
}

uint16_t net_addr_port(const struct net_addr *a)
{
    if (a->sa.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&a->sa)->sin_port);
}
