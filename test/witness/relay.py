"""Recording TCP relays between any two actors.

One relay per link. It listens, connects each accepted connection to its target and writes what it
carries, unchanged, to files in FOLDER/LINK: NNNN.up (from the side that connected), NNNN.down (the
answers) and NNNN.times (one JSON line per piece: {"t": unix time, "dir": "up", "at": offset, "len": n}).

A target is "HOST:PORT" or a callable that gives it; it is asked when a connection arrives, so that a
relay may stand before the actor behind it has a port. cut() closes the connections of a link and
refuses new ones, pause() holds all bytes back, mend() ends both.

As a program:  python3 -m witness.relay TABLE.json FOLDER
TABLE.json is [{"name": "device-gateway", "listen": "127.0.0.1:0", "to": "127.0.0.1:8444"}, ...], where
"to" may also be {"file": "actors.json", "path": ["gateway", "https"]}, read at each connection. It prints one
JSON object link -> address, then obeys lines "cut LINK", "pause LINK", "mend LINK"; SIGTERM ends it.
"""
import asyncio
import json
import os
import signal
import sys
import threading
import time

PIECE = 65536


def split_address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def target_from_file(path, keys):
    """A callable target: the text at `keys` in the JSON file, as it is at that moment."""
    def look():
        with open(path, encoding="utf-8") as f:
            value = json.load(f)
        for key in keys:
            value = value[key]
        return value
    return look


class _Link:
    def __init__(self, name, listen, target, folder):
        self.name, self.listen, self.target = name, listen, target
        self.folder = os.path.join(folder, name)
        self.server = None
        self.address = None
        self.count = 0
        self.cut = False
        self.open = set()       # writers of both sides
        self.free = None        # asyncio.Event, cleared while paused


class Relays:
    """Relays in a thread of their own. Use as a context manager, or start() and stop()."""

    def __init__(self, folder):
        self.folder = folder
        self.links = {}
        self.failures = []      # connections whose target could not be reached: (link, text)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="relays", daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def add(self, name, target, listen="127.0.0.1:0"):
        """Opens the relay `name`; returns the address it listens at."""
        return self._call(self._add(name, target, listen))

    def cut(self, name):
        self._call(self._cut(name))

    def pause(self, name):
        self._call(self._set(name, paused=True))

    def mend(self, name):
        self._call(self._set(name, paused=False))

    def stop(self):
        if not self._loop.is_running():
            return
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _add(self, name, target, listen):
        link = _Link(name, listen, target, self.folder)
        link.free = asyncio.Event()
        link.free.set()
        os.makedirs(link.folder, exist_ok=True)
        host, port = split_address(listen)
        link.server = await asyncio.start_server(lambda r, w: self._carry(link, r, w), host, port)
        link.address = "%s:%d" % link.server.sockets[0].getsockname()[:2]
        self.links[name] = link
        return link.address

    async def _set(self, name, paused):
        link = self.links[name]
        link.cut = False
        if paused:
            link.free.clear()
        else:
            link.free.set()

    async def _cut(self, name):
        link = self.links[name]
        link.cut = True
        for writer in list(link.open):
            writer.transport.abort()

    async def _stop(self):
        for link in self.links.values():
            link.server.close()
            link.free.set()
            for writer in list(link.open):
                writer.transport.abort()
        for _ in range(100):
            if not any(link.open for link in self.links.values()):
                break
            await asyncio.sleep(0.01)

    async def _carry(self, link, reader, writer):
        if link.cut:
            writer.transport.abort()
            return
        number, link.count = link.count, link.count + 1
        base = os.path.join(link.folder, "%04d" % number)
        try:
            to = link.target() if callable(link.target) else link.target
            far_reader, far_writer = await asyncio.open_connection(*split_address(to))
        except (OSError, KeyError, ValueError) as why:
            self.failures.append((link.name, str(why)))
            writer.transport.abort()
            return
        link.open |= {writer, far_writer}
        try:
            with open(base + ".up", "wb") as up, open(base + ".down", "wb") as down, \
                    open(base + ".times", "w", encoding="ascii") as times:
                await asyncio.gather(self._pump(link, reader, far_writer, up, "up", times),
                                     self._pump(link, far_reader, writer, down, "down", times))
        finally:
            link.open -= {writer, far_writer}

    async def _pump(self, link, reader, writer, out, direction, times):
        at = 0
        try:
            while True:
                piece = await reader.read(PIECE)
                await link.free.wait()
                if not piece:
                    break
                # Written and flushed before it goes on: what an actor has seen is on record.
                out.write(piece)
                out.flush()
                times.write(json.dumps({"t": time.time(), "dir": direction, "at": at, "len": len(piece)}) + "\n")
                at += len(piece)
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            writer.transport.abort()


def main(arguments):
    table_file, folder = arguments
    with open(table_file, encoding="utf-8") as f:
        table = json.load(f)
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    with Relays(folder) as relays:
        for row in table:
            to = row["to"]
            relays.add(row["name"], target_from_file(to["file"], to["path"]) if isinstance(to, dict) else to,
                       row.get("listen", "127.0.0.1:0"))
        print(json.dumps({name: link.address for name, link in relays.links.items()}), flush=True)

        def obey():
            for line in sys.stdin:
                verb, _, name = line.strip().partition(" ")
                {"cut": relays.cut, "pause": relays.pause, "mend": relays.mend}[verb](name)
                print("done " + line.strip(), flush=True)
        threading.Thread(target=obey, daemon=True).start()
        while not done.wait(0.2):
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
