/* profile_reading.h - what a profile says about reading: [stream NAME] and [key NAME]; internal to lib/app. */
#ifndef APP_PROFILE_READING_H
#define APP_PROFILE_READING_H

#include "app/profile.h"
#include "host/conf.h"

/* Fills out->stream and out->key. Says the fault: ST_CONFIG. */
MUST_USE enum status profile_take_reading(struct app *app, const struct conf *f, struct profile *out);

#endif
