/* group.h - groups (TS-0001 9.6.13, 10.2.7; TS-0004 7.4.13, 7.4.14):
 *
 *   hook_grp.c   CREATE and UPDATE of a group: its members are looked up before the writer has the request (prelude)
 *   group.c      what other requests do to groups: members that go, members that could not be reached and come back
 *   fan.c        the fan-out point: a request for every member, one answer
 *   fan_sub.c    subscriptions made through it: notices of the members, collected */
#ifndef CSE_GROUP_H
#define CSE_GROUP_H

#include "cse/inside.h"

enum {
    FAN_WINDOW = 16,         /* requests to members under way at a time, of one fan-out */
    FAN_TEXT_MAX = 16 << 20, /* octets of an aggregated answer; further members answer without content */
    FAN_GIDS = 1024,         /* group request identifiers remembered */
    FAN_GID_MS = 60000,      /* so long */
    GROUP_WINDOW = 16,       /* members of other CSEs that are asked at a time */
    GROUP_RETRY_MS = 2000,   /* until members that could not be reached are tried again */
    GROUP_RETRIES = 64,      /* groups that wait for loop 0 to do that; more wait for their next alarm */
};

/* Text in vsi of a request that this CSE makes of its own group (exch.self): members are tried again; or the list holds
 * those that shall go. */
#define GROUP_AGAIN SPAN("oneseal-group-again")
#define GROUP_GONE  SPAN("oneseal-group-gone")

/* Writer: a resource goes. Switch 28: its identifier leaves mid of every group of this CSE. */
enum err group_forget(struct run *r, const struct row *row);
/* Writer: the group was stored with mtv false. */
enum err group_unsure(struct run *r, const struct row *group);
/* Loop 0, from cse_tick: members of such groups are tried again. */
void group_tick(struct cse *c);

/* Does the group's macp, or without one its acpi, permit that to the originator? (rights.c) */
MUST_USE enum err rights_fan(struct run *r, const struct row *group, unsigned op, unsigned child_ty, bool *yes);

#endif
