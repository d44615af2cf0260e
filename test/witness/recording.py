"""What a relay recorded, as plaintext and as HTTP exchanges, with the time of each."""
import bisect
import glob
import json
import os
from dataclasses import dataclass

from . import http, tls


@dataclass
class Exchange:
    link: str
    connection: str
    request: http.Request
    response: http.Response
    at: float                   # unix time at which the request's first octet passed the relay
    answered: float


@dataclass
class Connection:
    link: str
    name: str
    up: bytes                   # as recorded
    down: bytes
    times: dict                 # direction -> ([offset], [time])
    session: tls.Session = None
    clear: bool = False         # no TLS: what was recorded is the plaintext

    def plain(self, direction):
        if self.clear:
            return getattr(self, direction)
        return bytes(getattr(self.session, direction).data)

    def time_of(self, direction, plain_offset):
        offset = plain_offset if self.clear else getattr(self.session, direction).recorded_at(plain_offset)
        offsets, times = self.times[direction]
        i = bisect.bisect_right(offsets, offset) - 1
        return times[i] if i >= 0 else 0.0


def _times(path):
    found = {"up": ([], []), "down": ([], [])}
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            for line in f:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                found[row["dir"]][0].append(row["at"])
                found[row["dir"]][1].append(row["t"])
    return found


def connections(folder, link, keylog):
    """Every connection of `link` under `folder`, decrypted. `keylog` is a path or a read key log.

    A connection that ended before both hellos were whole carried nothing and is left out."""
    if isinstance(keylog, str):
        keylog = tls.load_keylog(keylog)
    found = []
    for path in sorted(glob.glob(os.path.join(folder, link, "*.up"))):
        base = path[:-3]
        with open(path, "rb") as f:
            up = f.read()
        with open(base + ".down", "rb") as f:
            down = f.read()
        one = Connection(link, os.path.basename(base), up, down, _times(base + ".times"))
        if not up or not down:
            continue
        if up[0] == tls.HANDSHAKE:
            refused = _only_alert(down)
            if refused:
                continue
            one.session = tls.decrypt(up, down, keylog)
        else:
            one.clear = True
        found.append(one)
    return found


def _only_alert(down):
    """True when the server answered the ClientHello by an alert alone."""
    kinds = [kind for _, kind, _ in tls.records(down)]
    return bool(kinds) and all(kind in (tls.ALERT, None) for kind in kinds)


def exchanges(folder, link, keylog):
    """[Exchange] of all connections of one link in the order of time."""
    found = []
    for one in connections(folder, link, keylog):
        for request, response in http.exchanges(one.plain("up"), one.plain("down")):
            found.append(Exchange(link, one.name, request, response, one.time_of("up", request.at),
                                  one.time_of("down", response.at) if response else 0.0))
    return sorted(found, key=lambda e: e.at)


def received(folder, link, keylog, direction):
    """All plaintext that passed in one direction of a link, connections joined."""
    return b"\n".join(one.plain(direction) for one in connections(folder, link, keylog))
