"""Networks made per second, the full recipe: bridge and VXLAN device, marks, port flags, IPv6 settings, both up.

Networks pile up over the pairs, equally for both sides: deleting them between runs would take longer than all runs.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, timed
from benchmarks.rows import Bound, Row, row
from benchmarks.world import Batch, Host, desired, segment
from vxloom.model.state import Bridge, HostState, VxlanDevice, altname
from vxloom.planner import diff
from vxloom.planner.plan import Plan

SETTINGS = {"brvx-": ("accept_ra=0", "autoconf=0", "disable_ipv6=0"), "vxlan": ("disable_ipv6=1",)}


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(100, 20)
    host = Host()
    host.apply(HostState(), desired([segment(1, 0)]))  # the filter table stands before the first network of a run
    numbers = itertools.count(2)
    made: list[int] = []

    def fresh() -> list[int]:
        return list(itertools.islice(numbers, count))

    def prepare() -> tuple[Plan, Recipe]:
        """What both sides will do, worked out before the clock starts."""
        state = desired([segment(vni, 0) for vni in fresh()])
        links = {key: each for key, each in state.resources.items() if key[0] in {Bridge.kind, VxlanDevice.kind}}
        return diff(HostState(links), HostState()), Recipe(desired([segment(vni, 0) for vni in fresh()]))

    next_up = [prepare()]

    def ours() -> None:
        if host.driver.apply(next_up[0][0]).failed:
            raise RuntimeError("networks were refused")
        made.append(0)

    def theirs() -> None:
        next_up[0][1].run()
        made.append(1)

    def between() -> None:
        if len(made) % 2 == 0:
            next_up[0] = prepare()

    pairs = bench.pairs(bench.size(12, 2), ours, theirs, between)
    if bench.wants("networks"):
        yield pairs.rates("networks", "networks/s", count, "ip -batch, sysctl", Bound("ratio", ">=", 0.8))
    if bench.wants("networks-processes"):
        few = bench.size(20, 5)
        recipe = Recipe(desired([segment(vni, 0) for vni in fresh()[:few]]))
        mine = pairs.rates("", "", count, "", None).value
        yield row("networks-processes", "networks/s", mine, peer="one process per step", peer_value=few / timed(recipe.step_by_step))


class Recipe:
    """The same networks in the words of ``ip`` and ``sysctl``: before the settings, the settings, after them."""

    def __init__(self, state: HostState) -> None:
        """Write the files."""
        vxlans = [each for each in state.resources.values() if isinstance(each, VxlanDevice)]
        bridges = {each.name: each for each in state.resources.values() if isinstance(each, Bridge)}
        self._first = [line for each in vxlans for line in make(bridges[each.bridge], each)]
        self._settings = [
            f"net.ipv6.conf.{name}.{text}" for each in vxlans for name in (each.bridge, each.name) for text in _settings(name)
        ]
        self._last = [f"link set {name} up" for each in vxlans for name in (each.name, each.bridge)]
        scratch = Path(SCRATCH)
        self._before = Batch("ip", scratch / "before", self._first)
        (scratch / "settings").write_text("\n".join(self._settings) + "\n", encoding="ascii")
        self._after = Batch("ip", scratch / "after", self._last)

    def run(self) -> None:
        """Two batches, and the settings between them."""
        self._before()
        subprocess.run(["sysctl", "-q", "-p", f"{SCRATCH}/settings"], check=True)
        self._after()

    def step_by_step(self) -> None:
        """One process for each."""
        for line in self._first:
            subprocess.run(["ip", *line.split()], check=True)
        for line in self._settings:
            subprocess.run(["sysctl", "-q", line], check=True)
        for line in self._last:
            subprocess.run(["ip", *line.split()], check=True)


def make(bridge: Bridge, vxlan: VxlanDevice) -> Sequence[str]:
    """Return the lines that make one network, down."""
    outer = f"local {vxlan.local} dstport {vxlan.udp_port} nolearning df set"
    return (
        f"link add {bridge.name} address {bridge.mac} mtu {bridge.mtu} type bridge mcast_snooping 0 stp_state 0 group_fwd_mask 0",
        f"link property add dev {bridge.name} altname {altname(bridge.name)}",
        f"link set {bridge.name} addrgenmode none",
        f"link add {vxlan.name} mtu {vxlan.mtu} group {vxlan.group} type vxlan id {vxlan.vni} {outer}",
        f"link property add dev {vxlan.name} altname {altname(vxlan.name)}",
        f"link set {vxlan.name} master {bridge.name} addrgenmode none",
        f"link set {vxlan.name} type bridge_slave learning off neigh_suppress on flood off mcast_flood on bcast_flood on",
    )


def _settings(name: str) -> tuple[str, ...]:
    return next(texts for prefix, texts in SETTINGS.items() if name.startswith(prefix))
