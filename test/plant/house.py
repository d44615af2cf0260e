"""A service provider's house for tests: its authority, IN-CSE, MN-CSE and applications, each a real process."""
import os
import subprocess

from witness import certs

from .onem2m import Client
from .process import Broken, Process, program, run

DOMAIN = "demo.example"
SP = "//" + DOMAIN
IN_NAME = "id-in." + DOMAIN
MN_NAME = "id-mn.id-in." + DOMAIN
TTP_NAME = "ttp." + DOMAIN


def ini(sections):
    """Text of a configuration: [(section, {key: value})]."""
    return "".join("[%s]\n%s\n" % (name, "".join("%s = %s\n" % kv for kv in rows.items() if kv[1] is not None))
                   for name, rows in sections)


class House:
    def __init__(self, folder, authority=None):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.authority = authority or certs.Authority(os.path.join(self.folder, "ca"))
        self.processes = []
        self.clients = []
        self.certificates = {}

    def close(self):
        for client in self.clients:
            client.close()
        codes, stuck = {}, []
        for process in reversed(self.processes):
            try:
                codes[process.name] = process.stop()
            except Broken as why:       # the others must not stay behind
                stuck.append(why)
        if stuck:
            raise stuck[0]
        bad = {n: c for n, c in codes.items() if c not in (0, -9, None)}
        assert not bad, "%s\n%s" % (bad, "\n".join(p.tail() for p in self.processes if p.name in bad))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.close()
        except AssertionError:
            if kind is None:
                raise

    def certificate(self, name):
        """(certificate, key) of "/id-in", "/id-mn" or an absolute AE-ID; made once."""
        if name not in self.certificates:
            if name == "/id-in":
                pair = self.authority.cse(name, DOMAIN)
            elif name.startswith("//"):
                pair = self.authority.ae(name)
            elif name == "ttp":
                pair = self.authority.issue("ttp", dns=[TTP_NAME])
            else:
                pair = self.authority.cse(name, DOMAIN, "/id-in")
            self.certificates[name] = pair
        return self.certificates[name]

    def cse(self, name, role, cse_id, base, path=None, parent=None, extra=(), admin="CAdmin", insecure=False,
            port=0, prefix=(), durability="process", start=True, env=None, build=None, kinds=None):
        """Starts an oneseal-cse. `parent` is a Process whose READY line names its port, or the URL of an IN-CSE.
        `build`: the folder to take the program from; `kinds`: the one with flexContainer specializations."""
        own, key = self.certificate(cse_id)
        path = path or os.path.join(self.folder, name)
        sections = [("cse", {"role": role, "cse-id": cse_id, "name": base, "sp": SP, "admin": admin,
                             "specializations": kinds}),
                    ("storage", {"path": path, "durability": durability}),
                    ("listen https", {"address": "127.0.0.1:%d" % port}),
                    ("tls", {"certificate": own, "key-file": key, "ca": self.authority.path})]
        if insecure:
            sections.append(("listen http", {"address": "127.0.0.1:0", "insecure": "yes"}))
        if parent:
            url = parent if isinstance(parent, str) else "https://" + parent.ready["https"]
            above = isinstance(parent, str) or parent.cse_id == "/id-in"
            sections.append(("parent", {"url": url, "cse-id": "/id-in" if above else parent.cse_id,
                                        "server-name": IN_NAME if above else parent.server_name}))
        sections += list(extra)
        conf = os.path.join(self.folder, name + ".conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(ini(sections))
        process = Process(name, list(prefix) + [program("oneseal-cse", build), "-c", conf],
                          os.path.join(self.folder, name + ".log"), env=env)
        process.conf = conf
        process.state = path
        process.server_name = IN_NAME if cse_id == "/id-in" else "%s.%s" % (cse_id.lstrip("/"), IN_NAME)
        process.cse_id, process.base = cse_id, base
        self.processes.append(process)
        if start:
            process.start()
        return process

    def ttp(self, name="ttp", port=0, operator=None, extra=(), start=True, env=None, prefix=(),
            custody=None, secret=None, secret_fd=None):
        """Makes the state of a TTP and starts it. process.bundle is the identity bundle that clients pin. `custody` is
        the section of that name; `secret`, what is handed to --init on a descriptor, or `secret_fd`, that descriptor."""
        own, key = self.certificate("ttp")
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        sections = [("ttp", {"fqdn": TTP_NAME, "listen": "127.0.0.1:%d" % port, "state": folder + "/state"}),
                    ("tls", {"certificate": own, "key-file": key, "ca": self.authority.path}),
                    ("custody", custody or {"passphrase-file": folder + "/passphrase"}),
                    ("clients", {"anchors": self.authority.path})]
        if operator:
            sections.append(("operator", {"key": operator}))
        sections += list(extra)
        conf = os.path.join(self.folder, name + ".conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(ini(sections))
        bundle = folder + "/bundle"
        command = [program("oneseal-ttp"), "-c", conf, "--init", "--bundle-out", bundle]
        if secret is None and secret_fd is None:
            run(command, check=0, env=env)
        else:
            self._init_with(command, secret, secret_fd, env)
        process = Process(name, list(prefix) + [program("oneseal-ttp"), "-c", conf],
                          os.path.join(self.folder, name + ".log"), env=env)
        process.conf, process.bundle, process.state = conf, bundle, folder + "/state"
        process.server_name = TTP_NAME
        self.processes.append(process)
        if start:
            process.start()
        return process

    @staticmethod
    def _init_with(command, secret, fd, env):
        out = fd
        if fd is None:
            out, into = os.pipe()
            os.write(into, secret)
            os.close(into)
        subprocess.run(command + ["--secret-fd", str(out)], pass_fds=[out], check=True,
                       env=dict(os.environ, **(env or {})))
        if fd is None:
            os.close(out)

    def sealing(self, ttp, readers, pattern, url=None, name="demo", policy="seal-at-gateway", cse_id="/id-mn"):
        """The sections that make a CSE seal: for cse(extra=...)."""
        own, key = self.certificate(cse_id)
        return [("ttp " + TTP_NAME, {"url": url or "https://" + ttp.ready["https"], "bundle": ttp.bundle,
                                     "signing-key-file": key, "signing-certificate": own}),
                ("seal " + name, {"for": pattern, "policy": policy, "readers": ", ".join(readers), "ttp": TTP_NAME})]

    def profile(self, name, ae_id, server, ttp=None, streams=(), port=0, ttp_url=None, url=None, extra=()):
        """A profile for `oneseal --config FOLDER --profile NAME`; returns (folder, path of the store)."""
        own, key = self.certificate(ae_id)
        folder = os.path.join(self.folder, "profiles")
        os.makedirs(folder, exist_ok=True)
        store = os.path.join(self.folder, name + ".book")
        in_side = server.cse_id == "/id-in"
        sections = [("profile", {"ae-id": ae_id, "store": store, "name": name}),
                    ("server", {"url": url or "https://" + server.ready["https"], "name": server.server_name,
                                "cse-id": server.cse_id, "base": "in" if in_side else "mn"}),
                    ("tls", {"certificate": own, "key-file": key, "ca": self.authority.path}),
                    ("listen", {"address": "127.0.0.1:%d" % port})]
        if ttp:
            sections.append(("ttp " + TTP_NAME, {"url": ttp_url or "https://" + ttp.ready["https"],
                                                 "bundle": ttp.bundle}))
        for number, address in enumerate(streams):
            sections.append(("stream s%d" % number, {"address": address}))
        sections += list(extra)
        with open(os.path.join(folder, name + ".conf"), "w", encoding="utf-8") as f:
            f.write(ini(sections))
        return folder, store

    def client(self, process, origin, certificate=None, insecure=False, url=None, rvi="3"):
        """A stranger's client. Over TLS its certificate is the one of its AE-ID at that CSE."""
        if insecure:
            client = Client("http://" + process.ready["http"], origin, rvi=rvi)
        else:
            if certificate is None:
                if origin.startswith("/"):
                    absolute = SP + origin
                elif origin.startswith("S"):
                    absolute = "%s/%s" % (SP, origin)
                else:
                    absolute = "%s%s/%s" % (SP, process.cse_id, origin)
                certificate = self.certificate(absolute)
            client = Client(url or "https://" + process.ready["https"], origin, self.authority.path, certificate,
                            process.server_name, rvi=rvi)
        self.clients.append(client)
        return client
