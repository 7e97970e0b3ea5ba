"""How each tool is asked to let a port in, and to forget it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.changes import AnyChange, Run
from vxloom.prepare.firewall.changes import AddRule, OpenZone
from vxloom.prepare.firewall.walls import Owner, Wall
from vxloom.prepare.machine import Machine

_FILES = {
    "iptables": ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
    "ip6tables": ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"),
}
"""Where iptables-persistent, and iptables-services of other distributions, keep rules over a boot."""


def permit(machine: Machine, wall: Wall) -> Sequence[AnyChange]:
    """Return what lets the packet through this wall. Raises :class:`PrepareError` where only a person may do that."""
    if wall.meant:
        raise PrepareError(
            f"{wall.where} drops {wall.packet} by a rule made for it: {wall.meant}",
            remedy="take that rule out if tunnels are wanted here, or leave this step out with --skip firewall",
        )
    return _WAYS[wall.owner](machine, wall)


def _reason(wall: Wall) -> str:
    return f"{wall.where} stops {wall.packet}{' going out' if wall.packet.outward else ''}: {wall.because}"


def _nftables(machine: Machine, wall: Wall) -> Sequence[AnyChange]:
    """Nobody's table: never edited by us."""
    if not wall.stops:
        return []
    packet = wall.packet
    raise PrepareError(
        f"nftables' table {wall.hook.table}, chain {wall.hook.chain}, drops {packet} ({wall.because}), and no tool known here made it",
        remedy=f"add by hand, and where that table is kept: nft insert rule {wall.hook.table} {wall.hook.chain} "
        f"{packet.protocol} dport {packet.port} accept",
    )


def _ufw(machine: Machine, wall: Wall) -> Sequence[AnyChange]:
    packet = wall.packet
    way = ("out",) if packet.outward else ()
    rule = ("allow", *way, "proto", packet.protocol, "to", "any", "port", str(packet.port))
    shown = " ".join(("ufw allow", *way, str(packet)))
    return [
        Run(
            name=shown,
            look=("sh", "-c", f"ufw show added | grep -qE '^{shown}( |$)'"),
            command=("ufw", *rule, "comment", "vxloom"),
            back=("ufw", "--force", "delete", *rule),
            reason=_reason(wall),
        )
    ]


def _firewalld(machine: Machine, wall: Wall) -> Sequence[AnyChange]:
    packet = wall.packet
    if packet.outward and not wall.stops:
        return []
    if packet.outward:
        raise PrepareError(
            f"firewalld stops {packet} going out ({wall.because})",
            remedy="see firewall-cmd --direct --get-all-rules and --list-all-policies",
        )
    asked = machine.run("firewall-cmd", f"--get-zone-of-interface={packet.device}")
    zone = asked.output.strip() if asked.status == 0 else machine.must("firewall-cmd", "--get-default-zone").strip()
    command = ("firewall-cmd", f"--zone={zone}")
    now = Run(
        name=f"firewall-cmd {zone} {packet}",
        look=(*command, f"--query-port={packet}"),
        command=(*command, f"--add-port={packet}"),
        back=(*command, f"--remove-port={packet}"),
        reason=_reason(wall),
    )
    # What lasts goes first: a run interrupted between the two finds the wall still standing, and completes it.
    return [OpenZone(zone=zone, port=str(packet), reason=f"{_reason(wall)}; after a boot, too"), now]


def _iptables(machine: Machine, wall: Wall) -> Sequence[AnyChange]:
    packet, hook = wall.packet, wall.hook
    spec = f"{hook.chain} -p {packet.protocol} -m {packet.protocol} --dport {packet.port} -m comment --comment vxloom -j ACCEPT"
    command = (wall.program, "-w", "-t", hook.table)
    files = _FILES[wall.program.partition("-")[0]]
    kept = next((file for file in files if f"*{hook.table}" in (machine.read(file) or "").split("\n")), "")
    lasts = (
        ""
        if kept
        else (
            "; it will NOT last a reboot, as nothing known here keeps iptables' rules: add the same rule where yours are made, "
            "or install iptables-persistent, save, and apply again"
        )
    )
    now = Run(
        name=f"{wall.program} {hook.table} {spec}",
        look=(*command, "-C", *spec.split()),
        command=(*command, "-I", *spec.split()),
        back=(*command, "-D", *spec.split()),
        reason=f"{_reason(wall)}{lasts}",
    )
    last = AddRule(path=kept, table=hook.table, line=f"-A {spec}", reason="after a boot, too")
    return [last, now] if kept else [now]


_WAYS: dict[Owner, Callable[[Machine, Wall], Sequence[AnyChange]]] = {
    "nftables": _nftables,
    "ufw": _ufw,
    "firewalld": _firewalld,
    "iptables": _iptables,
}
