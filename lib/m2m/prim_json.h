/* prim_json.h - a primitive as one JSON object (TS-0004 6.4, 8.4): what a polling channel carries, and the texts of
 * metaInformation and operationResult in a request resource (TS-0004 6.3.5.4, 6.3.5.32). MQTT and WebSocket use the
 * same form. Numbers are numbers, lists are arrays, responseType is {"rtv":2,"nu":[...]}, filterCriteria one object. */
#ifndef M2M_PRIM_JSON_H
#define M2M_PRIM_JSON_H

#include "m2m/prim.h"

/* {"op":5,"to":"...","fr":"...","rqi":"...",...,"pc":{...}}. Content that is no JSON is left out. */
void prim_put_request(struct jw *w, const struct prim *p);
/* metaInformation: the optional parameters alone. Tokens and signatures are credentials: they are not kept. */
void prim_put_meta(struct jw *w, const struct prim *p);
/* {"rsc":2000,"rqi":"...","pc":{...}}. fr, to: put in when not empty and the response has none. */
void prim_put_response(struct jw *w, const struct prim *p, struct span fr, struct span to);
/* operationResult: the members of a response that it has. */
void prim_put_result(struct jw *w, const struct prim *p, struct span fr, struct span to);

/* Reads the object of a response; spans point into v's text or the arena. ERR_SYNTAX: no object, rsc is no number of
 * four digits, or rqi is missing; ERR_NOMEM. */
MUST_USE enum err prim_take_response(const struct jval *v, struct arena *a, struct prim *out);

/* The object of a request, as prim_put_request writes it; spans point into v's text or the arena. What is in it but
 * cannot stand there is left to prim_read (out->bad). ERR_SYNTAX: no object; ERR_NOMEM. */
MUST_USE enum err prim_take_request(const struct jval *v, struct arena *a, struct prim *out);

/* filterCriteria alone, as an object: {"fu":3,"ty":[4],"atr":[{"nm":"cr","val":"Cx"}]}. */
void prim_put_fc(struct jw *w, const struct prim *p);

#endif
