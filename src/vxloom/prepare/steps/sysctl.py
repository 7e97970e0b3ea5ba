"""The step *sysctl*."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.changes import AnyChange, SetSysctl, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

FILE = "/etc/sysctl.d/90-vxloom.conf"
WANTED: tuple[tuple[str, int, str], ...] = (
    ("net.ipv4.igmp_max_memberships", 4096, "multicast mode joins a group per network; at 20, the default, the 21st network fails"),
    ("net.ipv4.neigh.default.gc_thresh1", 8192, "below this many neighbours none is thrown away"),
    ("net.ipv4.neigh.default.gc_thresh2", 32768, "neighbours of every guest stand on its host's bridges"),
    ("net.ipv4.neigh.default.gc_thresh3", 65536, "at this many neighbours the kernel refuses more: table overflow"),
    ("net.ipv6.neigh.default.gc_thresh1", 8192, "as for IPv4"),
    ("net.ipv6.neigh.default.gc_thresh2", 32768, "as for IPv4"),
    ("net.ipv6.neigh.default.gc_thresh3", 65536, "as for IPv4"),
    ("net.core.netdev_max_backlog", 10000, "this many packets may wait to be taken out of a tunnel, and for a core that RPS hands them to"),
)
"""Setting, least value, reason. What is larger already stays. Defaults: kernel documentation, networking/ip-sysctl."""


_BRIDGED = tuple(f"net.bridge.bridge-nf-call-{family}" for family in ("iptables", "ip6tables", "arptables"))


class Sysctl(Step):
    """Raise the kernel's limits that an overlay of thousands of networks meets."""

    name = "sysctl"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Set what is too low, now and in a file of ours; what this kernel or namespace does not let be set waits for the next boot."""
        wanted = [*_limits(machine), *_reverse_path(machine, settings), *_bridged(settings)]
        text = "".join(f"# {change.reason}\n{prefix}{change.key} = {change.value}\n" for change, prefix in wanted)
        last = WriteFile(path=FILE, text=f"# Made by vxloom host apply; vxloom host undo removes it.\n{text}", reason="after a boot, too")
        changes: list[AnyChange] = [last, *(change for change, _ in wanted if not _why_not(machine, change.key))]
        return [change for change in changes if not change.done(machine)]

    def notes(self, machine: Machine, settings: HostSettings) -> Sequence[str]:
        """Name what cannot be set here."""
        found: dict[str, list[str]] = {}
        for key, _, _ in WANTED:
            if why := _why_not(machine, key):
                found.setdefault(why, []).append(key)
        return [f"not applicable: {', '.join(keys)}: {why}" for why, keys in found.items()]


def _why_not(machine: Machine, key: str) -> str:
    """Return why a setting cannot be set now, "" when it can."""
    if machine.sysctl(key) is None:
        return "not visible here, as in a network namespace"
    return "" if machine.sysctl_settable(key) else "read-only here, as in a network namespace"


def _limits(machine: Machine) -> list[tuple[SetSysctl, str]]:
    """Return the least of each, or what is more already."""
    now = {key: machine.sysctl(key) or "0" for key, _, _ in WANTED}
    return [
        (SetSysctl(key=key, value=str(max(least, int(now[key]))), reason=reason), "") for key, least, reason in WANTED if now[key].isdigit()
    ]


def _reverse_path(machine: Machine, settings: HostSettings) -> list[tuple[SetSysctl, str]]:
    """Return the setting that makes the label Guest's device loose where it is strict, or was made so."""
    device = settings.labels.get("Guest") or machine.way_out()
    key = f"net.ipv4.conf.{device.replace('.', '/')}.rp_filter"
    if not device or (machine.reverse_path(device) != 1 and machine.sysctl(key) != "2"):
        return []
    reason = "where there are two ways, tunnel packets that come by the other one would be dropped (RFC 3704: loose)"
    return [(SetSysctl(key=key, value="2", reason=reason), "")]


def _bridged(settings: HostSettings) -> list[tuple[SetSysctl, str]]:
    """Return the settings that keep guests' frames out of the host's firewall; ``-``: no fault where br_netfilter is not loaded."""
    if settings.bridge_netfilter:
        return []
    return [(SetSysctl(key=key, value="0", reason="host.toml says bridge_netfilter = false"), "-") for key in _BRIDGED]
