/* front_est.h - EST (RFC 7030) at /.well-known/est. Forms only: the vault reads the requests, and decides. */
#ifndef TTP_FRONT_EST_H
#define TTP_FRONT_EST_H

#include "ttp/front.h"

/* False: the path is none of EST's. */
bool front_est_handle(struct front *f, struct http_req *r);

#endif
