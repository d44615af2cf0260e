"""SEC/ACP: access control."""
import time

from client import ACP, AE, CIN, CNT, GRP, SUB, App, rule

OPERATIONS = [(1, lambda who, c: who.create(c, CIN, con="x"), 2001), (4, lambda who, c: who.update(c, CNT, lbl=["z"]), 2004),
              (2, lambda who, c: who.retrieve(c), 2000), (8, lambda who, c: who.delete(c), 2002)]
_names = iter(range(1 << 30))


def guarded(ae, *rules):
    """A container of the AE under a policy of these rules, which also lets the AE itself do everything."""
    n = next(_names)
    return ae.cnt("g%d" % n, acpi=[ae.policy("p%d" % n, *(rules + (rule(ae.origin),)))])


def all_operations(ae, who, good, *rules):
    """Each of CREATE, UPDATE, RETRIEVE, DELETE by `who` succeeds, or none."""
    c = guarded(ae, *rules)
    for bit, act, success in OPERATIONS:
        got = act(who, c)
        assert got.of(success if good else 4103), (bit, rules)


def test_TP_oneM2M_CSE_SEC_ACP_CRE_001(ae):
    rules = [rule("Ca"), rule("Cb", "/id-x/Cc", ops=2), rule("all", ops=34)]
    made = ae.make(ae.path, ACP, pv={"acr": rules}, pvs={"acr": [rule(ae.origin)]})
    assert made["pv"] == {"acr": rules} and ae.get(made["ri"])["pv"] == {"acr": rules}


def test_TP_oneM2M_CSE_SEC_ACP_CRE_002(ae):
    rules = [rule(ae.origin), rule("Cb", ops=2), rule("Cc", ops=6)]
    made = ae.make(ae.path, ACP, pv={"acr": [rule("Ca")]}, pvs={"acr": rules})
    assert made["pvs"] == {"acr": rules} and ae.get(made["ri"])["pvs"] == {"acr": rules}


def test_TP_oneM2M_CSE_SEC_ACP_CRE_003(ae):
    assert ae.make(ae.path, ACP, pv={"acr": []}, pvs={"acr": [rule(ae.origin)]})["pv"] == {"acr": []}
    ae.create(ae.path, ACP, pv={}, pvs={"acr": [rule(ae.origin)]}).of(2001)


def test_TP_oneM2M_CSE_SEC_ACP_CRE_004(ae):
    for empty in ({"acr": []}, {}, None):
        ae.create(ae.path, ACP, pv={"acr": [rule("all")]}, pvs=empty).of(4000)
    ae.create(ae.path, ACP, pv={"acr": [rule("all")]}).of(4000)


def test_TP_oneM2M_CSE_SEC_ACP_UPD_001(ae, other):
    linked = ae.policy("linked", rule(ae.origin), own=[rule(ae.origin), rule(other.origin, ops=4)])
    new = ae.policy("new", rule("all"), own=[rule(ae.origin)])
    ae.change(ae.path, AE, acpi=[linked])
    other.update(ae.path, AE, acpi=[new]).of(2004)
    assert ae.get(ae.path)["acpi"] == [new]


def test_TP_oneM2M_CSE_SEC_ACP_UPD_002(ae, other):
    linked = ae.policy("linked", rule("all"), own=[rule(ae.origin), rule(other.origin, ops=59)])    # everything but UPDATE
    ae.change(ae.path, AE, acpi=[linked])
    other.update(ae.path, AE, acpi=[linked]).of(4103)
    other.update(ae.path, AE, lbl=["pv lets him"]).of(2004)


def test_TP_oneM2M_CSE_SEC_ACP_001_C_U_R_D(ae, other):
    all_operations(ae, other, False, rule("Csomebody"))
    all_operations(ae, other, False)


def test_TP_oneM2M_CSE_SEC_ACP_002_x(ae, other):
    none, some = ae.policy("none", rule("Csomebody")), ae.policy("some", rule(other.origin))
    mine = ae.policy("mine", rule(ae.origin))
    for n, policies in enumerate(([none, some], [some, none], [mine, none, some])):
        c = ae.cnt("c%d" % n, acpi=policies)
        for _, act, success in OPERATIONS:
            act(other, c).of(success)


def test_TP_oneM2M_CSE_SEC_ACP_003_x(lab, ae, other):
    all_operations(ae, other, True, rule(lab.sp[2:]))
    all_operations(ae, other, False, rule("other.example"))


def test_TP_oneM2M_CSE_SEC_ACP_004_x(ae, other):
    all_operations(ae, other, True, rule("all"))


def test_TP_oneM2M_CSE_SEC_ACP_005_x(ae, other):
    year = time.gmtime().tm_year
    for window in ("* * * * * * *", "* * * * * * %d" % year, "0-59 0-59 0-23 1-31 1-12 0-6 *"):
        all_operations(ae, other, True, rule("all", acco=[{"actw": [window]}]))
    all_operations(ae, other, True, rule("all", acco=[{"actw": ["* * * * * * %d" % (year + 1), "* * * * * * *"]}]))


def test_TP_oneM2M_CSE_SEC_ACP_006_x(ae, other):
    now = time.gmtime(time.time() + 60)
    for window in ("* * * * * * %d" % (now.tm_year + 1), "* * * * %d * *" % (now.tm_mon % 12 + 1), "* * %d * * * *" % ((now.tm_hour + 2) % 24)):
        all_operations(ae, other, False, rule("all", acco=[{"actw": [window]}]))


def test_TP_oneM2M_CSE_SEC_ACP_007_x(lab, ae, app):
    there = app(lab, loc={"typ": 1, "crd": "[48.0,48.0]"})
    all_operations(ae, there, True, rule("all", acco=[{"aclr": {"accr": [48.001, 48.001, 1000.0]}}]))


def test_TP_oneM2M_CSE_SEC_ACP_008_x(lab, ae, other, app):
    there = app(lab, loc={"typ": 1, "crd": "[48.0,48.0]"})
    all_operations(ae, there, False, rule("all", acco=[{"aclr": {"accr": [20.0, 20.0, 1000.0]}}]))
    all_operations(ae, other, False, rule("all", acco=[{"aclr": {"accr": [48.0, 48.0, 1000.0]}}]))    # nobody knows where he is
    all_operations(ae, other, False, rule("all", acco=[{"aclr": {"accc": ["FR"]}}]))


def test_TP_oneM2M_CSE_SEC_ACP_009_x(ae, other):
    all_operations(ae, other, True, rule("all", acco=[{"acip": {"ipv4": ["127.0.0.1"]}}]))


def test_TP_oneM2M_CSE_SEC_ACP_010_x(ae, other):
    all_operations(ae, other, False, rule("all", acco=[{"acip": {"ipv4": ["192.0.2.7", "10.0.0.1"]}}]))


def test_TP_oneM2M_CSE_SEC_ACP_011_x(ae):
    for _, act, success in OPERATIONS:
        act(ae, ae.cnt("only") if success == 2001 else ae.path + "/only").of(success)


def test_TP_oneM2M_CSE_SEC_ACP_012_x(ae, other):
    c = ae.cnt()
    for _, act, _ in OPERATIONS:
        act(other, c).of(4103)


def test_L_CSE_ACP_001(lab, ae, other, peers):
    point = peers()
    for bit in (1, 2, 4, 8, 16, 32):
        c = guarded(ae, rule(other.origin, ops=bit))
        policy = ae.policy("b%d" % bit, rule(other.origin, ops=bit), rule(ae.origin))
        for own, act, success in OPERATIONS[:3]:
            act(other, c).of(success if bit == own else 4103)
        inner = ae.cnt("inner", c, acpi=[policy])
        found = other.found(c)
        assert found == ([inner] if bit == 32 else [])
        other.delete(c).of(2002 if bit == 8 else 4103)
        ae.change(ae.path, AE, acpi=[policy])
        ae.change(ae.path, AE, poa=[point.url])
        other.notify(ae.path, {"m2m:sgn": {"sur": "/id-in/none"}}).of(2000 if bit == 16 else 4103)
    assert len(point.seen) == 1


def test_L_CSE_ACP_002(ae):
    for ops in (0, 64, 100, -1, "63", None):
        for pv, pvs in ((rule("all", ops=ops), rule(ae.origin)), (rule("all"), rule(ae.origin, ops=ops))):
            ae.create(ae.path, ACP, pv={"acr": [pv]}, pvs={"acr": [pvs]}).of(4000)


def test_L_CSE_ACP_003(ae, other):
    by_pv = ae.policy("pv", rule(other.origin), own=[rule(ae.origin)])
    by_pvs = ae.policy("pvs", rule("Csomebody"), own=[rule(ae.origin), rule(other.origin)])
    other.retrieve(by_pv).of(4103)
    other.update(by_pv, ACP, lbl=["x"]).of(4103)
    other.delete(by_pv).of(4103)
    other.retrieve(by_pvs).of(2000)
    other.update(by_pvs, ACP, lbl=["x"]).of(2004)
    other.delete(by_pvs).of(2002)


def test_L_CSE_ACP_004(ae):
    policy = ae.policy("p", rule("all"))
    before = ae.get(policy)
    for empty in ({"acr": []}, {}, None):
        ae.update(policy, ACP, pvs=empty).of(4000)
    assert ae.get(policy) == before


def test_L_CSE_ACP_005(lab, ae, app, anyone):
    sensor, else_ = app(lab, "C-sensor-%s" % ae.origin), app(lab, "Cactor-%s" % ae.origin)
    for pattern, good in (("C-sensor*", True), ("C-sensor-%s*" % ae.origin, True), ("*sensor*", True), ("Csensor*", False),
                          ("%s/C-sensor*" % lab.csi, True), ("/id-x/C-sensor*", False)):
        c = guarded(ae, rule(pattern))
        sensor.retrieve(c).of(2000 if good else 4103)
        else_.retrieve(c).of(4103)
    # A star does not pass over a slash.
    anyone(lab, "/id-x/C-sensor").retrieve(guarded(ae, rule("C*"))).of(4103)


def test_L_CSE_ACP_006(lab, ae, app):
    member, stranger = app(lab), app(lab)
    group = ae.make(ae.path, GRP, mnm=5, mid=[member.path])
    c = guarded(ae, rule("%s/%s" % (lab.csi, group["ri"])))
    member.retrieve(c).of(2000)
    stranger.retrieve(c).of(4103)
    ae.change(group["ri"], GRP, mid=[stranger.ri])
    member.retrieve(c).of(4103)
    stranger.retrieve(c).of(2000)


def test_L_CSE_ACP_007(lab, ae, other):
    for entry in (other.origin, other.far, lab.sp + other.far):
        all_operations(ae, other, True, rule(entry))
    for entry in ("/id-x/" + other.origin, "//other.example" + other.far):
        all_operations(ae, other, False, rule(entry))


def test_L_CSE_ACP_008(ae, other):
    c = guarded(ae, rule(other.origin, acod=[{"chty": [4]}]))
    other.create(c, CIN, con="x").of(2001)
    other.create(c, CNT).of(4103)
    other.create(c, SUB, nu=[other.origin]).of(4103)
    other.retrieve(c).of(2000)                                  # only CREATE is restricted
    c = guarded(ae, rule(other.origin, acod=[{"ty": 2, "chty": [4]}, {"ty": 3, "chty": [3]}]))
    other.create(c, CNT).of(2001)
    other.create(c, CIN, con="x").of(4103)


def test_L_CSE_ACP_009(ae, other):
    all_operations(ae, other, False, rule(other.origin, acaf=True))
    all_operations(ae, other, True, rule(other.origin, acaf=False))


def test_L_CSE_ACP_010(ae):
    c = ae.cnt()
    before = ae.get(c)
    for bad in (c, ae.path, ae.path + "/none", "nosuchid", ae.ri):
        ae.create(ae.path, CNT, acpi=[bad]).of(4000)
        ae.update(c, CNT, acpi=[bad]).of(4000)
    assert ae.get(c) == before
    ae.update(c, CNT, acpi=["/id-elsewhere/acp1", ae.policy("p", rule("all"))]).of(2004)     # other CSEs' ones are not checked


def test_L_CSE_ACP_011(ae, other):
    c = ae.cnt(cstn=other.origin)
    other.retrieve(c).of(2000)
    other.update(c, CNT, lbl=["x"]).of(2004)
    ae.retrieve(c).of(4103)
    ae.update(c, CNT, lbl=["x"]).of(4103)


def test_L_CSE_ACP_012(ae):
    policy = ae.policy("p", rule("all"))
    c = ae.cnt()
    ae.update(c, CNT, acpi=[policy], lbl=["x"]).of(4000)
    ae.update(c, CNT, acpi=[]).of(4000)
    assert "acpi" not in ae.get(c)


def test_L_CSE_ACP_013(ae, other):
    open_, shut = ae.policy("open", rule("all")), ae.policy("shut", rule(ae.origin))
    c = ae.cnt(acpi=[shut])
    for _ in range(5):
        other.retrieve(c).of(4103)
        ae.change(c, CNT, acpi=[open_])
        other.retrieve(c).of(2000)
        ae.change(c, CNT, acpi=[shut])
    ae.change(shut, ACP, pv={"acr": [rule(ae.origin), rule(other.origin, ops=2)]})
    other.retrieve(c).of(2000)


def test_L_CSE_ACP_014(ae, other, strict, app):
    policy = ae.policy("p", rule("all"))
    c = ae.cnt(acpi=[policy])
    ae.remove(policy)
    other.retrieve(c).of(4103)
    assert "acpi" not in ae.get(c)                              # switch 21, laboratory: the default policy applies again
    there, stranger = app(strict), app(strict)
    policy = there.policy("p", rule("all"))
    c = there.cnt(acpi=[policy])
    stranger.retrieve(c).of(2000)
    there.remove(policy)
    for who in (stranger, there):
        who.retrieve(c).of(4103)                                # the dead entry grants nothing, not even to the creator
    assert strict.admin.get(c)["acpi"] == [policy]


def test_L_CSE_ACP_015(ae, other):
    c = guarded(ae, rule(other.origin, ops=1))
    ae.cnt("sibling", c)
    other.create(c, CNT, rn="mine").of(2001)
    other.create(c + "/sibling", CNT).of(4103)
    other.create(ae.path, CNT).of(4103)


def test_L_CSE_ACP_016(ae, other):
    shown = ae.cnt("shown", acpi=[ae.policy("d", rule(other.origin, ops=32), rule(ae.origin))])
    ae.cnt("hidden", acpi=[ae.policy("r", rule(other.origin, ops=31), rule(ae.origin))])
    ae.cnt("default")
    assert other.found(ae.path) == [shown]
    other.retrieve(shown).of(4103)


def test_L_CSE_ACP_017(town, ae, other):
    for entries, good in (({"ipv4": ["127.0.0.0/8"]}, True), ({"ipv4": ["127.0.0.0/30"]}, True), ({"ipv4": ["127.0.0.2/31"]}, False),
                          ({"ipv4": ["10.0.0.0/8", "0.0.0.0/0"]}, True), ({"ipv6": ["::1"]}, False), ({"ipv6": ["::/0"]}, False),
                          ({"ipv4": ["127.0.0.1"], "ipv6": ["::1"]}, True)):
        all_operations(ae, other, good, rule("all", acco=[{"acip": entries}]))
    for bad in ({"ipv4": ["127.0.0.1/33"]}, {"ipv4": ["::1"]}, {"ipv6": ["127.0.0.1"]}, {"ipv6": ["::1/129"]}, {"ipv4": ["300.0.0.1"]}):
        ae.create(ae.path, ACP, pv={"acr": [rule("all", acco=[{"acip": bad}])]}, pvs={"acr": [rule(ae.origin)]}).of(4000)
    six = town.start("six", "in", "/id-six", "cse-six", extra=[("listen http", {"address": "[::1]:0"})])
    mine, stranger = App(six, "Cmine"), App(six, "Cstranger")
    for entries, good in (({"ipv6": ["::1"]}, True), ({"ipv6": ["::/64"]}, True), ({"ipv6": ["2001:db8::/32"]}, False), ({"ipv4": ["0.0.0.0/0"]}, False)):
        all_operations(mine, stranger, good, rule("all", acco=[{"acip": entries}]))
    assert six.stop() == 0
