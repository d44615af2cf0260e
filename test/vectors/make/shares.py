"""shares.json: m-of-n shares over GF(256), by logarithms (ours works by masks), and the text in which they travel."""
import hashlib

from raw import Seed

EXP, LOG = [0] * 510, [0] * 256
X = 1
for power in range(255):
    EXP[power] = EXP[power + 255] = X
    LOG[X] = power
    X ^= (X << 1) ^ (0x11b if X & 0x80 else 0)          # times 3, a generator
    X &= 0xff


def times(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def share(secret, coefficients, x):
    """f(x) for each octet; coefficients[0] belongs to x, the next to x^2."""
    out = []
    for i, octet in enumerate(secret):
        power, y = 1, octet
        for row in coefficients:
            power = times(power, x)
            y ^= times(row[i], power)
        out.append(y)
    return bytes(out)


def text(set_, x, y):
    line = "oneseal-share-1-%s-%02x-%s-" % (set_.hex(), x, y.hex())
    return line + hashlib.sha256(line[:-1].encode()).digest()[:4].hex()


def tag(set_, x, y):
    return hashlib.sha256(b"oneseal-share-v1" + set_ + bytes([x]) + y).digest()[:16].hex()


def all_shares():
    seed, vectors = Seed("oneseal own vectors: shares 1"), []
    plans = [(2, 2), (2, 3), (3, 5), (5, 5), (4, 16), (16, 16)]
    secrets = {"zeroes": bytes(32), "ones": b"\xff" * 32}
    for number, (m, n) in enumerate(plans):
        secret = secrets.get(("zeroes", "ones")[number]) if number < 2 else seed.octets(32)
        coefficients = [seed.octets(32) for _ in range(m - 1)]
        set_ = seed.octets(8)
        made = [share(secret, coefficients, x) for x in range(1, n + 1)]
        vectors.append({
            "id": "shares-%d-of-%d" % (m, n), "description": "%d shares, of which %d give the secret back" % (n, m),
            "in": {"m": m, "n": n, "secret_hex": secret.hex(), "coefficients_hex": b"".join(coefficients).hex(),
                   "set_hex": set_.hex()},
            "out": {"y_hex": [y.hex() for y in made], "text": [text(set_, x + 1, y) for x, y in enumerate(made)],
                    "tag_hex": [tag(set_, x + 1, y) for x, y in enumerate(made)],
                    "secret_tag_hex": hashlib.sha256(b"oneseal-shared-v1" + set_ + secret).digest()[:16].hex()},
            "verdict": "ok"})
    return {"file": "shares", "purpose": "m-of-n shares of the TTP's custody secret (src/ttp/unsealer_shamir.h)",
            "note": "coefficients_hex: m-1 rows of 32 octets, the first belongs to x", "vectors": vectors}
