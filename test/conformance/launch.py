"""Starts the CSEs that the tests talk to: kernel-chosen ports, the ready line tells them."""
import os
import ssl

from client import ASAR, MSSP, SVSN, Client, until
from plant.house import House, ini
from plant.process import ROOT, Process, program

SP = "//demo.example"


class Cse:
    """A running oneseal-cse as its clients know it."""

    def __init__(self, process, csi, base):
        self.process, self.csi, self.base, self.sp = process, csi, base, SP
        self.url = "http://" + process.ready["http"]
        self.admin = Client(self.url, "CAdmin")
        self.mode = "lab"

    def registers(self, csi):
        """The remoteCSE of that CSE here; None when it is not registered."""
        for one in self.admin.found(self.base, ty=16):
            got = self.admin.retrieve(one)
            if got.rsc == 2000 and got.one["csi"] == csi:
                return got.one
        return None

    def stop(self):
        self.admin.close()
        return self.process.stop()


# name: (role, CSE-ID, CSEBase, registrar, laboratory)
PLAN = {
    "lab": ("in", "/id-in", "cse-in", None, True),
    "mn": ("mn", "/id-mn", "cse-mn", "lab", True),
    "mn2": ("mn", "/id-mn2", "cse-mn2", "mn", True),
    "asn": ("asn", "/id-asn", "cse-asn", "lab", True),
    "strict": ("in", "/id-st", "cse-st", None, False),
    "secure": ("in", "/id-tls", "cse-tls", None, False),
}


class Town:
    def __init__(self, folder):
        self.house = House(folder)
        self.folder = str(folder)
        self.running = {}

    def get(self, name):
        """The shared CSE of that name, started on first use."""
        if name not in self.running:
            role, csi, base, parent, lab = PLAN[name]
            self.running[name] = self.start(name, role, csi, base, self.get(parent) if parent else None, lab=lab,
                                            tls=not lab)
            self.running[name].mode = "lab" if lab else "strict"
            if parent:
                until(lambda: self.get(parent).registers(csi), 10, "registration of " + csi)
            if name == "strict":
                open_registration(self.running[name])
        return self.running[name]

    def start(self, name, role, csi, base, parent=None, lab=True, extra=(), tls=False, url=None, parent_csi=None):
        """parent: a Cse; url and parent_csi name a registrar that is none of ours (a Peer)."""
        sections = [("cse", {"role": role, "cse-id": csi, "name": base, "sp": SP, "admin": "CAdmin",
                             "specializations": os.path.join(ROOT, "share", "flexcontainer")}),
                    ("storage", {"path": ":memory:", "durability": "process"}),
                    ("listen http", {"address": "127.0.0.1:0", "insecure": "yes"}),
                    ("limits", {"request-timeout": "3s"})]
        if tls:
            sections.append(("listen https", {"address": "127.0.0.1:0"}))
            own, key = self.house.authority.cse(csi, SP[2:])
            sections.append(("tls", {"certificate": own, "key-file": key, "ca": self.house.authority.path}))
        if parent or url:
            sections.append(("parent", {"url": url or parent.url, "cse-id": parent_csi or parent.csi}))
        if lab:
            sections.append(("lab", {"open": "yes"}))
        known = dict(sections)
        for section, rows in extra:
            if section in known:
                known[section].update(rows)
            else:
                sections.append((section, rows))
        conf = os.path.join(self.folder, name + ".conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(ini(sections))
        process = Process(name, [program("oneseal-cse"), "-c", conf], os.path.join(self.folder, name + ".log"))
        process.start()
        self.house.processes.append(process)
        cse = Cse(process, csi, base)
        if tls:     # outside the laboratory an administrator proves who he is
            cse.admin = self.tls_client(cse, "CAdmin", "%s%s/CAdmin" % (SP, csi))
        return cse

    def tls_client(self, cse, origin, absolute=None):
        """A client over TLS whose certificate is that of an absolute AE-ID; without one, of the CSE-ID `origin`."""
        authority = self.house.authority
        context = ssl.create_default_context(cafile=authority.path)
        context.load_cert_chain(*(authority.ae(absolute) if absolute else authority.cse(origin, SP[2:], cse.csi)))
        name = cse.csi[1:] + "." + SP[2:]
        return Client("https://" + cse.process.ready["https"], origin, tls=(context, name))

    def close(self):
        for cse in self.running.values():
            cse.admin.close()
        self.house.close()


def open_registration(cse, apps=("*",), stems=("C*", "S*")):
    """Release 3 mode asks a service subscription: one that lets every AE in (TS-0004 7.3.2.7)."""
    rule = cse.admin.make(cse.base, ASAR, rn="everybody", aai=list(apps), aae=list(stems))
    cse.admin.make(cse.base, MSSP, rn="subscription")
    cse.admin.make(cse.base + "/subscription", SVSN, rn="here", ni="node", csi=cse.csi, rlk=[cse.csi + "/" + rule["ri"]])
