"""What is made of a kernel's dump: bounded answers, marks from the planner, taps of others."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np

from tests.intents import at, cloud, network, nic
from vxloom.agent.held import Held, Word
from vxloom.compiler import compile_document, compile_segments
from vxloom.dataplane.linuxbridge.observe import Kernel
from vxloom.dataplane.netlink import FDB_ROW, NEIGHBOUR_ROW, NTF_STICKY, NUD_NOARP, NUD_REACHABLE, Link, PortInfo, VxlanInfo
from vxloom.doctor.show.sight import Sight, sight_of
from vxloom.doctor.show.views import shown
from vxloom.model.addresses import pack_ip
from vxloom.model.intent import GuestSource
from vxloom.model.rows import FDB, Rows, table
from vxloom.model.show import MOST, Drift, Folding, Query, Row, Shown, View, counted, kept
from vxloom.model.state import altname
from vxloom.model.wire import MAX_MESSAGE

INTENT = cloud((network(5001),), (nic(1, 5001, at(1)), nic(3, 5001, at(2))))
NOBODY: dict[str, Any] = {each.name: 0 for each in dataclasses.fields(VxlanInfo)}
FORWARDING = PortInfo(3, False, False, True, True, False, True, False)
BRIDGE, DEVICE = 10, 11


def link(index: int, name: str, kind: str, *, ours: bool = False, **more: Any) -> Link:
    plain: dict[str, Any] = dict.fromkeys((each.name for each in dataclasses.fields(Link)), 0)
    plain |= {"slave_kind": "", "inet6": None, "vxlan": None, "port": None, "bridge": None, "mtu": 1450, "up": True, "mac": 2 << 40 | index}
    names = (altname(name),) if ours else ()
    return Link(**{**plain, "index": index, "name": name, "kind": kind, "altnames": names, **more})


def links(*more: Link) -> tuple[Link, ...]:
    """Return our bridge and VXLAN device of VNI 5001, and others."""
    vxlan = VxlanInfo(**{**NOBODY, "vni": 5001, "port": 4789})
    device = link(DEVICE, "vxlan5001", "vxlan", ours=True, master=BRIDGE, vxlan=vxlan, port=FORWARDING)
    return (link(BRIDGE, "brvx-5001", "bridge", ours=True), device, *more)


def halves(macs: np.ndarray[Any, np.dtype[np.uint64]], vtep: str) -> Rows:
    """Return both kernel rows of remote MACs."""
    rows = np.zeros(2 * len(macs), FDB_ROW)
    rows["mac"] = np.concatenate([macs, macs])
    rows["ifindex"], rows["state"], rows["flags"] = DEVICE, NUD_NOARP | NUD_REACHABLE, NTF_STICKY
    rows["hi"][: len(macs)], rows["lo"][: len(macs)] = pack_ip(vtep)
    rows["master"][len(macs) :] = BRIDGE
    return rows


def seen(*more: Link, fdb: Rows | None = None, intent: Any = INTENT, held: Held | None = None) -> Sight:
    """Return host 1 with what it was told, and these."""
    word = Word(compile_document(intent, "host-1", intent.revision, {}), compile_segments(intent))
    rows = np.zeros(0, FDB_ROW) if fdb is None else fdb
    return sight_of("h1", Kernel(links(*more), rows, np.zeros(0, NEIGHBOUR_ROW)), held or Held(said=word), "")


def test_a_host_with_a_hundred_thousand_rows_answers_within_bounds_and_hides_no_drift() -> None:
    macs = np.arange(0x0200_0000_0000, 0x0200_0000_0000 + 100_000, dtype=np.uint64)
    sight = seen(fdb=halves(macs, "192.0.2.2"))
    rows = sight.desired.rows[5001]
    every = table(FDB, [(int(mac), *pack_ip("192.0.2.2" if mac % 1000 else "192.0.2.9")) for mac in macs])
    wanted = dataclasses.replace(sight.desired, rows={5001: dataclasses.replace(rows, fdb=every)})
    told = shown(dataclasses.replace(sight, desired=wanted), Query(View.FDB))
    assert (len(told.rows), told.total) == (MOST, 100_000)
    assert told.drift == {Drift.WRONG: 100}
    assert sum(row.drift is Drift.WRONG for row in told.rows) == 100
    assert [row.mac for row in told.rows] == sorted(row.mac for row in told.rows)
    assert len(msgspec.json.encode(told)) < MAX_MESSAGE / 4
    assert {row.detail for row in told.rows} == {"", "wanted at 192.0.2.9"}


def test_a_tap_of_libvirts_is_known_by_its_mac() -> None:
    intent = cloud((network(5001),), (nic(1, 5001, at(1), source=GuestSource.EXTERNAL, tap="vnet77"), nic(3, 5001, at(2))))
    vnet = link(20, "vnet0", "tun", master=BRIDGE, port=FORWARDING, mac=0xFE00_0000_0001)
    [row] = [row for row in shown(seen(vnet, intent=intent), Query(View.PORTS)).rows if row.device == "vnet0"]
    assert (row.mac, row.drift is Drift.EXTRA, bool(row.nic)) == ("02:00:00:00:00:01", False, True)


def test_while_an_agent_holds_what_is_not_wanted_is_no_drift() -> None:
    left = link(30, "vxlan7", "vxlan", ours=True, vxlan=VxlanInfo(**{**NOBODY, "vni": 7, "port": 4789}))
    assert {row.device: row.drift for row in shown(seen(left), Query(View.VNIS)).rows}["vxlan7"] is Drift.EXTRA
    word = Word(compile_document(INTENT, "host-1", INTENT.revision, {}), compile_segments(INTENT))
    told = shown(seen(left, held=Held(said=Word(), base=word, first=Word(), holding="another database")), Query(View.VNIS))
    assert {row.device: row.drift for row in told.rows}["vxlan7"] is Drift.NONE
    assert "another database" in told.note


def test_what_is_kept_of_rows_differs_first_and_stays_in_order() -> None:
    rows = [
        Row(vni=number, drift=Drift.MISSING if number in {3, 8} else Drift.FOREIGN if number == 9 else Drift.NONE) for number in range(10)
    ]
    assert [row.vni for row in kept(rows, 4)] == [0, 1, 3, 8]
    assert kept(rows, 10) == rows
    assert counted(row.drift for row in rows) == {Drift.MISSING: 2, Drift.FOREIGN: 1}


def test_answers_of_many_hosts_are_folded_within_the_limit() -> None:
    folding = Folding(3)
    for number in range(100):
        rows = [Row(vni=number), Row(vni=number, drift=Drift.WRONG if number == 57 else Drift.NONE)]
        folding.add(Shown("itself", rows, 2, counted(row.drift for row in rows)), f"h{number}")
        assert len(folding._rows) <= 2 * 3 + 2  # memory does not grow with the hosts
    assert (folding.total, folding.drift) == (200, {Drift.WRONG: 1})
    assert [(row.host, row.vni) for row in folding.rows] == [("h0", 0), ("h0", 0), ("h57", 57)]
