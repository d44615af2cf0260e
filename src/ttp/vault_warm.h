/* vault_warm.h - makes the library load, once and before the door is locked, everything that the vault will use. */
#ifndef TTP_VAULT_WARM_H
#define TTP_VAULT_WARM_H

#include "base/span.h"

/* Runs each kind of operation once with throw-away keys. ERR_CRYPTO when one does not work here. */
MUST_USE enum err vault_warm(void);

#endif
