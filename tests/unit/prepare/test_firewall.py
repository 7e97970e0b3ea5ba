"""Asking a firewall's own tool for a permit: what is asked, what is left to a person, what is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.prepare.fakes import Fake, link, ok, row
from vxloom.errors import PrepareError
from vxloom.prepare import run
from vxloom.prepare.changes import Run
from vxloom.prepare.firewall.changes import AddRule, OpenZone
from vxloom.prepare.machine import Done, Machine
from vxloom.prepare.requirement import Verdict
from vxloom.prepare.requirements import firewall
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

STEP = registry()["firewall"]
SETTINGS = HostSettings(labels={"Guest": "eth0"})
NO = Done(1, "", "no")
IPV4 = {"ip -j address": ok('[{"addr_info":[{"family":"inet"}]},{}]')}
UFW = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:ufw-before-input - [0:0]\n{}COMMIT\n"
DROPS = "*filter\n:INPUT DROP [0:0]\n:OUTPUT {} [0:0]\nCOMMIT\n"


def host(root: Path, said: dict[str, Done]) -> Fake:
    return Fake(root, IPV4 | said, link("eth0"))


def planned(machine: Machine, **settings: object) -> run.Part:
    [part] = run.plan(machine, HostSettings(labels={"Guest": "eth0"}, **settings), [STEP])
    return part


def commands(part: run.Part) -> list[str]:
    return [change.what.removeprefix("run ") for change in part.changes]


def test_ufw_is_asked_once_for_both_families_and_in_each_direction_that_it_stops(tmp_path: Path) -> None:
    listing = UFW.replace("OUTPUT ACCEPT", "OUTPUT DROP").format("")
    said = {"iptables-nft-save": ok(listing), "ip6tables-nft-save": ok(listing), "ip -j address": ok("[]"), "sh -c ufw": NO}
    part = planned(host(tmp_path, said), tunnel_port=8472, firewall_ports=["8250/tcp"])
    assert commands(part) == [
        "ufw allow proto udp to any port 8472 comment vxloom",
        "ufw allow out proto udp to any port 8472 comment vxloom",
        "ufw allow proto tcp to any port 8250 comment vxloom",
    ]
    assert part.changes[0].reason == "iptables filter INPUT stops 8472/udp: policy DROP".replace("DROP", "drop")


def test_a_rule_made_against_the_port_is_a_persons_to_take_out(tmp_path: Path) -> None:
    rule = "-A INPUT -p udp -m udp --dport 4789 -j DROP"
    part = planned(host(tmp_path, {"iptables-nft-save": ok(UFW.format(f"{rule}\n"))}))
    assert f"iptables filter INPUT drops 4789/udp by a rule made for it: {rule}" in part.problem
    assert part.changes == ()


def test_a_permit_for_some_senders_is_the_operators_and_enough(tmp_path: Path) -> None:
    rule = "-A INPUT -s 192.0.2.0/24 -p udp -m udp --dport 4789 -j ACCEPT"
    machine = host(tmp_path, {"iptables-nft-save": ok(UFW.format(f"{rule}\n-A INPUT -p udp --dport 4789 -j DROP\n"))})
    assert planned(machine) == run.Part("firewall", STEP.summary())
    found = row(firewall.look(machine, SETTINGS), "firewall")
    assert (found.verdict, found.found) == (Verdict.OK, f"passes for those that a rule names: {rule}")


def test_a_doubtful_wall_warns_and_gets_a_permit(tmp_path: Path) -> None:
    rule = "-A INPUT -s 192.0.2.0/24 -j ACCEPT"
    machine = host(tmp_path, {"iptables-nft-save": ok(UFW.format(f"{rule}\n")), "sh -c ufw": NO})
    found = row(firewall.look(machine, SETTINGS), "firewall")
    assert (found.verdict, "it cannot be told" in found.found) == (Verdict.WARNING, True)
    assert commands(planned(machine)) == ["ufw allow proto udp to any port 4789 comment vxloom"]


def test_firewalld_is_asked_in_the_zone_of_the_underlay_what_lasts_first(tmp_path: Path) -> None:
    listing = (
        '{"nftables": [{"chain": {"family": "inet", "table": "firewalld", "name": "filter_INPUT", "type": "filter", "hook": "input",'
        ' "policy": "drop"}}]}'
    )
    said = {"nft -j": ok(listing), "firewall-cmd --get-zone-of-interface=eth0": ok("trust\n"), "firewall-cmd --permanent": NO}
    assert commands(planned(host(tmp_path, said))) == [
        "firewall-cmd --permanent --zone=trust --add-port=4789/udp",
        "firewall-cmd --zone=trust --add-port=4789/udp",
    ]
    outward = planned(host(tmp_path, said | {"nft -j": ok(listing.replace('"input"', '"output"'))}))
    assert "firewalld stops 4789/udp going out" in outward.problem


def test_iptables_rules_that_nobody_keeps_are_said_not_to_last(tmp_path: Path) -> None:
    said = {"iptables-legacy-save": ok(DROPS.format("DROP")), "iptables-legacy": NO}
    machine = host(tmp_path, said)
    part = planned(machine)
    spec = "-p udp -m udp --dport 4789 -m comment --comment vxloom -j ACCEPT"
    assert commands(part) == [f"iptables-legacy -w -t filter -I {chain} {spec}" for chain in ("INPUT", "OUTPUT")]
    assert all("will NOT last a reboot" in change.reason for change in part.changes)
    machine.write("/etc/iptables/rules.v4", DROPS.format("ACCEPT"))
    part = planned(machine)
    assert [change.what for change in part.changes][::2] == [
        f"add to /etc/iptables/rules.v4: -A {chain} {spec}" for chain in ("INPUT", "OUTPUT")
    ]
    assert not any("reboot" in change.reason for change in part.changes)


@pytest.mark.parametrize("port", ["8250", "8250/sctp", "70000/tcp", "tcp/80", ""])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    assert (
        f"firewall_ports: {port!r} is no port" in planned(host(tmp_path, {"nft -j": ok('{"nftables": []}')}), firewall_ports=[port]).problem
    )


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    nothing = host(tmp_path, {})
    assert "neither nft nor iptables" in planned(nothing).not_applicable
    assert [one.verdict for one in firewall.look(nothing, SETTINGS)] == [Verdict.WARNING, Verdict.NOT_APPLICABLE]
    refused = host(tmp_path, {"nft -j": Done(1, "", "Operation not permitted (you must be root)")})
    assert "you must be root" in planned(refused).problem
    assert [one.verdict for one in firewall.look(refused, SETTINGS)] == [Verdict.WARNING, Verdict.NOT_APPLICABLE]


TEXT = """# kept
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j ACCEPT
COMMIT
*filter
:INPUT DROP [7:9]
-A INPUT -i lo -j ACCEPT
COMMIT
"""
LINE = "-A INPUT -j ACCEPT"


def test_a_line_in_a_rules_file_comes_first_and_goes_alone(machine: Machine) -> None:
    file = "/etc/iptables/rules.v4"
    machine.write(file, TEXT, 0o600)
    change = AddRule(path=file, table="filter", line=LINE, reason="r")
    change.do(machine)
    assert machine.read(file) == TEXT.replace("-A INPUT -i lo", f"{LINE}\n-A INPUT -i lo")
    assert (change.done(machine), machine.mode(file)) == (True, 0o600)
    machine.write(file, (machine.read(file) or "").replace("-i lo", "-i br0"), 0o600)
    change.undo(machine, {})
    assert machine.read(file) == TEXT.replace("-i lo", "-i br0")
    change.undo(machine, {})
    assert machine.read(file) == TEXT.replace("-i lo", "-i br0")
    empty = AddRule(path=file, table="raw", line="-A PREROUTING -j RETURN", reason="r")
    machine.write(file, "*raw\nCOMMIT\n")
    empty.do(machine)
    assert machine.read(file) == "*raw\n-A PREROUTING -j RETURN\nCOMMIT\n"


ZONE = '<?xml version="1.0"?>\n<zone>\n  <short>P</short>\n  <service name="ssh"/>\n{}</zone>\n'


@pytest.mark.parametrize("since", ["", '<port port="1" protocol="tcp"/>'])
def test_a_zones_file_is_as_it_was_unless_somebody_changed_it(tmp_path: Path, since: str) -> None:
    """firewalld writes its files in a form of its own: blanks, order."""
    file = "/etc/firewalld/zones/public.xml"
    machine = Fake(tmp_path, {"firewall-cmd": ok()})
    machine.write(file, before := ZONE.replace("  ", "\t").format(""))
    change = OpenZone(zone="public", port="4789/udp", reason="r")
    remembered = change.before(machine)
    machine.write(file, after := ZONE.format(since))
    machine.write(f"{file}.old", "theirs")
    change.undo(machine, remembered)
    assert machine.read(file) == (after if since else before)
    assert machine.exists(f"{file}.old") == bool(since)


def test_what_cannot_be_taken_back_now_stays_in_the_journal(tmp_path: Path) -> None:
    machine = Fake(tmp_path, {"look": NO, "do": ok(), "firewall-cmd --permanent --zone=z --query": NO, "firewall-cmd": ok()})
    changes = [
        OpenZone(zone="z", port="1/udp", reason="r"),
        Run(name="n", look=("look",), command=("do",), back=("back",), reason="r"),
    ]

    class Wanted(type(STEP)):  # type: ignore[misc]
        name = "wanted"

        def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
            return ""

        def changes(self, machine: Machine, settings: HostSettings) -> list[OpenZone | Run]:
            return changes

        def watch(self, machine: Machine, settings: HostSettings) -> None:
            return

    assert run.apply(machine, SETTINGS, [Wanted()])[0].problem == ""
    machine.said = {"look": Done(2, "", "cannot look"), "firewall-cmd": Done(252, "", "FirewallD is not running")}
    problems = run.undo(machine)
    assert len(problems) == 2
    assert "start firewalld, then undo again" in problems[1]
    machine.said = {"look": NO, "firewall-cmd": NO}
    assert run.undo(machine) == []


def test_a_change_that_is_still_stopped_is_no_success(tmp_path: Path) -> None:
    machine = host(tmp_path, {"iptables-legacy-save": ok(DROPS.format("ACCEPT"))})
    with pytest.raises(PrepareError, match="iptables filter INPUT still stops it: policy drop"):
        STEP.watch(machine, SETTINGS)


@pytest.mark.parametrize(
    ("told", "families"),
    [
        ('[{"addr_info":[{"family":"inet"}]},{},{"addr_info":[{}]}]', (4,)),
        ('[{"addr_info":[{"family":"inet6"}]}]', (6,)),
        ('[{"addr_info":[{"family":"inet6"},{"family":"inet"}]}]', (4, 6)),
        ("[]", (4, 6)),
        ("", (4, 6)),
    ],
)
def test_only_families_that_the_underlay_has_are_looked_at(tmp_path: Path, told: str, families: tuple[int, ...]) -> None:
    assert Fake(tmp_path, {"ip -j address": ok(told)}).families("eth0") == families
