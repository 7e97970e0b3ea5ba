"""Which of CloudStack's commands are here, and how far, as Markdown: ``docs/reference/coverage.md``. Pure.

The list of CloudStack's commands is a file of names; the state of each comes from the registry and the tables of ``absent.py``, so that
the page cannot claim more than the server does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from types import MappingProxyType

from vxloom.server.absent import REFUSED, Absent, EmptyList
from vxloom.server.command import Command, registry

HEAD = """\
# What is there of CloudStack's API

This page is generated: `python scripts/docs.py`. The names are those of CloudStack 4.22 that concern networking, and the machines, hosts
and accounts it serves ([the list](cloudstack-4.22-commands.txt)). Commands of other vendors' plug-ins that are not in it, and any other
name, are not planned, either. What each command takes and answers: [API](../api.md).

| state | means |
|---|---|
| works | there, and in `listApis` |
| lists empty | there, and in `listApis`: answers as a CloudStack does that has none of it |
| refused | answers 432 with the reason and what to do instead; not in `listApis` |
| planned | on the way; until then it answers 432 as an unknown command |
| not planned | answers 432 as an unknown command |
"""


class State(StrEnum):
    """How far a command of CloudStack's is here."""

    WORKS = "works"
    LISTS_EMPTY = "lists empty"
    REFUSED = "refused"
    PLANNED = "planned"
    NOT_PLANNED = "not planned"


_PLANNED = """
"""
"""Only counts for what is not there yet."""

_NOTES = """
addHost the host's agent joins by itself, with a token; nothing is installed over SSH. hypervisor=Simulator makes a simulated host
addNetworkServiceProvider kept and shown; nothing provides what it names
configureInternalLoadBalancerElement kept for clients; there is no load balancer behind it
configureVirtualRouterElement kept for clients; there is no router behind it
createNetwork there is no router, DHCP or NAT behind it. Two networks may have the same prefixes
createNetworkOffering may name any service; a network shows those that are delivered
createPhysicalNetwork isolation VXLAN only
createPod its addresses are kept and shown only
createServiceOffering sizes are kept and shown; what a guest has is its hypervisor's business
createTemplate a namespace guest has no disk: the template is what it was made from
createVlanIpRange for Shared networks only: there are no public addresses
createZone makes a first pod and cluster, too
deleteHost forced=true marks its machines Stopped and has all peers forget them
deleteNetwork its VNI is free again when every host has acknowledged its absence, not before
deployVirtualMachine a machine is a network namespace, or a guest others start. No disks, security groups or affinity groups: refused
dedicateGuestVlanRange ranges are checked for overlaps everywhere, not only at their ends
listApis without `since` for CloudStack's commands
listCapacity VNIs only (type 7)
listGuestVlans pools of 16 million are counted, given in pages; one that was given back is Draining until every host has forgotten it
listInternalLoadBalancerElements nothing is behind them
listNetworkIsolationMethods VXLAN only
listOsTypes nothing depends on them
listResourceLimits there are no limits: -1 each
listTrafficTypeImplementors guest traffic only by VXLAN
listVirtualRouterElements nothing is behind them
listVolumes one ROOT volume for each machine; there is no storage behind it
migrateVirtualMachine without storage. A namespace guest is started anew at the destination
queryAsyncJobResult a pending job names the hosts it waits for (pendinghosts)
reconnectHost a host that is not connected cannot be asked to come back: 534
registerTemplate nothing is fetched: url is vxloom:namespace or vxloom:external
resetSSHKeyForVirtualMachine kept and shown; nothing puts it into the guest
restartNetwork hosts verify the network's table anew; nothing is interrupted, with or without cleanup
restoreVirtualMachine not for guests that others start
scaleVirtualMachine stopped machines only
stopVirtualMachine forced=true does not wait for a silent host
updateConfiguration settings marked *kept for clients* act on nothing
updateNetwork names only: its offering, prefixes and VNI stay
updateNetworkServiceProvider kept for clients; nothing provides what it names
updatePhysicalNetwork vlan replaces all ranges of VNIs, up to the whole 24 bits
updateServiceOffering its size stays
updateVmNicIp guests that others start must change their address themselves
"""

NOTES = MappingProxyType(dict(line.split(maxsplit=1) for line in _NOTES.strip().splitlines()))
"""Command that works → where it behaves otherwise than CloudStack's."""


def groups(text: str) -> dict[str, list[str]]:
    """Return the list's commands by heading: ``[heading]`` lines, then a name a line; ``#`` begins a comment."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line.startswith("["):
            names = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            names.append(line)
    return found


def state(name: str) -> State:
    """Tell how far a command is here."""
    command = registry().get(name)
    if command is not None:
        return State.LISTS_EMPTY if isinstance(command, EmptyList) else State.WORKS
    if name in REFUSED:
        return State.REFUSED
    return State.PLANNED if name in _PLANNED.split() else State.NOT_PLANNED


def own(names: set[str]) -> list[Command]:
    """Return the commands that are ours: in the registry, not among CloudStack's ``names``."""
    return [command for command in registry().values() if command.name not in names]


def markdown(text: str) -> str:
    """Return the page; ``text`` is the list of CloudStack's commands."""
    return "\n".join(_lines(groups(text)))


def _lines(listed: dict[str, list[str]]) -> Iterator[str]:
    every = {name for names in listed.values() for name in names}
    counted = Counter(map(state, every))
    yield HEAD
    yield f"Of {len(every)}: {', '.join(f'{counted[each]} {each}' for each in State if counted[each])}.\n"
    for heading, names in listed.items():
        yield f"## {heading}\n"
        yield "| command | state | note |\n|---|---|---|"
        for name in names:
            yield f"| {_linked(name)} | {state(name)} | {_note(name)} |"
        yield ""
    yield "## Commands of our own\n"
    yield "CloudStack has none of these names.\n"
    yield "| command | does |\n|---|---|"
    for command in own(every):
        yield f"| {_linked(command.name)} | {command.summary()} |"
    yield ""


def _linked(name: str) -> str:
    command = registry().get(name)
    return f"`{name}`" if command is None or isinstance(command, Absent) else f"[`{name}`](../api.md#{name.lower()})"


def _note(name: str) -> str:
    command = registry().get(name)
    if command is None:
        reason, instead = REFUSED.get(name, ("", ""))
        return f"{reason}; {instead}" if reason else ""
    return command.summary() if isinstance(command, Absent) else NOTES.get(name, "")
