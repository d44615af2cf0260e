/* admission.h - may this AE register? What the operator allows, and the service subscription (TS-0004 7.3.2.7): at the
 * IN-CSE m2mServiceSubscriptionProfiles hold serviceSubscribedNodes, one for each CSE, which name the
 * serviceSubscribedAppRules that an AE has to satisfy there. admission.c; profile.c asks the IN-CSE. */
#ifndef CSE_ADMISSION_H
#define CSE_ADMISSION_H

#include "cse/inside.h"

enum { PROFILE_RULES_MAX = 64, PROFILE_KEEP_MS = 60000 };

/* What a CSE knows of its service subscription. */
enum profile { PROFILE_UNKNOWN, PROFILE_NONE /* the IN-CSE keeps none */, PROFILE_NO_NODE, PROFILE_RULES };

/* Part of the check of an AE CREATE: r->aei (empty: an S-stem that the IN-CSE will give) and api. 4126, 4128. */
enum says admission_check(struct run *r);
/* By the rules, a JSON array of serviceSubscribedAppRule objects. */
enum says admission_judge(struct run *r, enum profile p, const struct jval *rules);
/* Does switch 3 ask for service subscriptions? */
bool admission_subscribed(const struct cse *c);

#endif
