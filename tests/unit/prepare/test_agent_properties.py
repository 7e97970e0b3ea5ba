"""The agent's file keeps all but the keys asked for; what CloudStack would misread is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.errors import PrepareError
from vxloom.prepare import run
from vxloom.prepare.machine import Link, Machine
from vxloom.prepare.properties import Properties
from vxloom.prepare.step import registry
from vxloom.prepare.steps.agent_properties import CLOUDSTACK, OURS
from vxloom.settings import HostSettings

TEXT = """# The agent's settings
#guest.network.device=
guid=1234
public.network.device=cloudbr0

! another comment
private.network.device = cloudbr1
long=one,\\
     two
"""
BRIDGES = {"Guest": "cloudbr1", "Management": "cloudbr1", "Public": "cloudbr0"}


def link(name: str, kind: str = "", master: str = "", lower: str = "") -> Link:
    return Link(name=name, mtu=1500, up=True, kind=kind, master=master, lower=lower, mac="02:00:00:00:00:01", max_mtu=0)


LINKS = [
    link("cloudbr0", "bridge"),
    link("cloudbr1", "bridge"),
    link("eth0", master="cloudbr0"),
    link("bond0.7", "vlan", "cloudbr1", "bond0"),
]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(Machine, "links", lambda self: {one.name: one for one in [*LINKS, link("bond0", "bond")]})
    return Machine(tmp_path)


def wanted(machine: Machine, **settings: object) -> run.Part:
    [part] = run.plan(machine, HostSettings(**settings), [registry()["agent-properties"]])
    return part


def test_keys_are_set_where_they_stand_and_the_rest_is_kept(machine: Machine) -> None:
    machine.write(CLOUDSTACK, TEXT, 0o640)
    settings = HostSettings(labels=BRIDGES | {"Public": "cloudbr1"}, bridge_type="native", vxlan_mode="evpn")
    step = registry()["agent-properties"]
    run.apply(machine, settings, [step])
    assert machine.read(CLOUDSTACK) == TEXT.replace("public.network.device=cloudbr0", "public.network.device=cloudbr1") + (
        "guest.network.device=cloudbr1\nnetwork.bridge.type=native\nnetwork.vxlan.mode=evpn\n"
    )
    assert machine.mode(CLOUDSTACK) == 0o640
    assert run.plan(machine, settings, [step])[0].changes == ()
    assert run.undo(machine) == []
    assert machine.read(CLOUDSTACK) == TEXT


@pytest.mark.parametrize(
    ("text", "settings", "word"),
    [
        (TEXT.replace("\n", "\r\n"), {}, "Windows"),
        (TEXT + "guid=5\n", {}, "guid twice, in lines 3 and 10"),
        (TEXT + "network.bridge.type=openvswitch\n", {}, "without any isolation"),
        (TEXT, {"bridge_type": "openvswitch"}, "without any isolation"),
        (TEXT, {"bridge_type": "linuxbridge"}, "nothing CloudStack knows"),
        (TEXT, {"vxlan_mode": "unicast"}, "silently mean multicast"),
        (TEXT + "network.vxlan.mode=Evpnn\n", {}, "silently mean multicast"),
        (TEXT + "libvirt.vif.driver=com.cloud.hypervisor.kvm.resource.OvsVifDriver\n", {}, "has no VXLAN"),
        (TEXT, {"labels": {"Guest": "cloudbr9"}}, "names cloudbr9, which is not here"),
    ],
)
def test_what_would_be_misread_is_refused_and_nothing_written(machine: Machine, text: str, settings: dict[str, object], word: str) -> None:
    machine.write(CLOUDSTACK, text)
    [part] = run.apply(machine, HostSettings(**settings), [registry()["agent-properties"]])
    assert word in part.problem
    assert machine.path(CLOUDSTACK).read_bytes() == text.encode()


def test_a_bridge_whose_ports_cloudstack_does_not_see_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "links", lambda self: {"cloudbr0": link("cloudbr0", "bridge"), "lan0": link("lan0", master="cloudbr0")})
    assert "does not recognise" in wanted(machine, labels={"Guest": "cloudbr0"}).problem


@pytest.mark.parametrize("ports", [[], [link("vnet0", "tun", "cloudbr0"), link("vxlan7", "vxlan", "cloudbr0")]])
def test_a_bridge_that_leads_nowhere_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch, ports: list[Link]) -> None:
    monkeypatch.setattr(Machine, "links", lambda self: {one.name: one for one in [link("cloudbr0", "bridge"), *ports]})
    assert "no port of cloudbr0 leads out" in wanted(machine, labels={"Guest": "cloudbr0"}).problem


def test_without_cloudstack_our_agents_labels_are_set_and_comments_kept(machine: Machine) -> None:
    text = '# ours\nserver = "192.0.2.10:8250"  # there\n\n[labels]\n# why\nPublic = "cloudbr0"\n'
    machine.write(OURS, text)
    step, settings = registry()["agent-properties"], HostSettings(labels=BRIDGES)
    run.apply(machine, settings, [step])
    after = machine.read(OURS) or ""
    assert after.startswith(text)
    assert 'Guest = "cloudbr1"' in after
    assert run.plan(machine, settings, [step])[0].changes == ()
    assert run.undo(machine) == []
    assert machine.read(OURS) == text


KEYS = st.text(st.sampled_from("abc.d"), min_size=1, max_size=6).filter(lambda key: key.strip("."))
LINES = st.one_of(
    st.sampled_from(["", "# comment", "! other", "   "]), st.builds("{}={}".format, KEYS, st.text(st.sampled_from("ab1 ,"), max_size=8))
)


@given(st.lists(LINES, max_size=12), st.dictionaries(KEYS, st.text(st.sampled_from("ab1"), max_size=5), max_size=3))
def test_setting_keys_sets_them_and_nothing_else(lines: list[str], wanted: dict[str, str]) -> None:
    text = "\n".join([*lines, ""])
    try:
        before = Properties("f", text)
    except PrepareError:
        return
    after = Properties("f", before.with_values(wanted))
    assert {key: after.get(key) for key in wanted} == wanted
    kept = [line for line in text.split("\n") if line.startswith(("#", "!"))]
    assert [line for line in before.with_values(wanted).split("\n") if line.startswith(("#", "!"))] == kept
    assert after.with_values(wanted) == before.with_values(wanted)
