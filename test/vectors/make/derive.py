"""derivations.json: oneM2M's own derivations, for ESPrim and ESCertKE (security.md 3.2, 4; TS-0003 10.3)."""
import hashlib
import hmac

from raw import Seed, b64u, compact, gcm

LABEL = b"oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm"
ALGS = {10: ("A128GCM", 16), 11: ("A192GCM", 24), 12: ("A256GCM", 32)}


def prf(hash_, secret, seed, n):
    """The PRF of TLS 1.2 (RFC 5246 5), its label already in the seed."""
    out, a = b"", seed
    while len(out) < n:
        a = hmac.new(secret, a, hash_).digest()
        out += hmac.new(secret, a + seed, hash_).digest()
    return out[:n]


def exported(hash_, master, label, client, server):
    """48 octets by the exporter of RFC 5705, without a context."""
    return prf(getattr(hashlib, hash_.lower()), master, label.encode() + client + server, 48)


def all_derivations():
    seed, vectors = Seed("oneseal own vectors: derivations 1"), []

    def add(name, description, in_, out):
        vectors.append({"id": name, "description": description, "in": in_, "out": out, "verdict": "ok"})
    def handshake(label, hash_):
        master, client, server = seed.octets(48), seed.octets(32), seed.octets(32)
        octets = exported(hash_, master, label, client, server)
        return octets, {"exporter_label": label, "prf": hash_, "master_secret_hex": master.hex(), "client_random_hex": client.hex(),
                        "server_random_hex": server.hex()}
    for number in range(4):
        octets, told = handshake("EXPORTER-oneM2M-ESCertKE", ("SHA256", "SHA384")[number % 2])
        add("escertke-%d" % number, "an ESCertKE handshake: of 48 exporter octets 16 are the identifier, 32 the key", told,
            {"exporter_hex": octets.hex(), "pairwise_e2e_key_id": octets[:16].hex().upper(), "pairwise_e2e_key_hex": octets[16:].hex()})
    for number, (label, fqdn) in enumerate((("EXPORTER-oneM2M-Bootstrap", "mef.example.com"),
                                            ("EXPORTER-oneM2M-Connection", "maf.example.com"))):
        octets, told = handshake(label, "SHA256")
        add("exporter-%d" % number, "a handshake with a TEF", dict(told, fqdn=fqdn),
            {"exporter_hex": octets.hex(), "key_id": "%s@%s" % (octets[:16].hex().upper(), fqdn), "key_hex": octets[16:].hex(),
             "first_half_hex": octets[16:32].hex()})
    for number, (espa, (enc, octets)) in enumerate(ALGS.items()):
        for refresh in (False, True):
            pairwise, iv = seed.octets(32), seed.octets(12)
            ids = ["r%s" % b64u(seed.octets(6)), "o%s" % b64u(seed.octets(6))]
            receiver = compact({"esri": ids[0], "esrv": "r" + b64u(seed.octets(16)), "esrx": "20300101T000000",
                                "esks": [1], "espa": [10, 11, 12]})
            originator = compact({"esri": ids[1], "esrv": "o" + b64u(seed.octets(16)), "esrx": "20291231T000000",
                                  "esk": 1, "espa": [espa]})
            session = hmac.new(pairwise, receiver.encode() + originator.encode() + LABEL, hashlib.sha256).digest()
            kid = seed.octets(16).hex().upper() + "@maf.example.com"
            inner = compact({"m2m:rqp": {"op": 2, "to": "//sp.example.com/in-cse/in/therm/temp/la",
                                         "fr": "//sp.example.com/S98821", "rqi": "q%d" % number, "rvi": "3"}})
            header = '{"alg":"dir","enc":"%s","kid":"%s","cty":"vnd.onem2m-preq+json","ori":"%s","rri":"%s"' % (
                enc, kid, ids[1], ids[0])
            header += ',"oro":%s}' % originator if not refresh else "}"
            protected = b64u(header.encode())
            text, tag = gcm(session[:octets], iv, protected.encode(), inner.encode())
            add("esprim-%s-%s" % (enc.lower(), "again" if refresh else "first"),
                "ESPrim Object with %s, %s" % (enc, "the originator object known already" if refresh
                                               else "the originator object in the header"),
                {"pairwise_key_hex": pairwise.hex(), "kid": kid, "receiver_object": receiver,
                 "originator_object": originator, "iv_hex": iv.hex(), "inner": inner, "header": header},
                {"session_key_hex": session.hex(), "content_key_hex": session[:octets].hex(),
                 "esprim_object": ".".join([protected, "", b64u(iv), b64u(text), b64u(tag)])})
    return {"file": "derivations", "purpose": "ESPrim session keys and objects; ESCertKE and TEF exporter splits",
            "note": "the two random objects enter the derivation as their exact text", "vectors": vectors}
