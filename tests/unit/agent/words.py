"""Small host documents and tables for the agent's tests."""

from __future__ import annotations

from vxloom.model.host import HostDocument, PortDocument, PortSecurity, SegmentNeed, encode_port, tap_name
from vxloom.model.intent import BindingState
from vxloom.model.rows import ADDRESS, MEMBER, PORT, table
from vxloom.model.segment import SegmentHead, SegmentTable

NICS = [f"{i:08d}-0000-4000-8000-000000000000" for i in range(40)]


def port(number: int, vni: int = 5001, **other) -> PortDocument:
    mac = f"02:00:00:00:00:{number:02x}"
    fields = {
        "nic": NICS[number],
        "vm": NICS[number],
        "vm_name": f"vm{number}",
        "vni": vni,
        "mac": mac,
        "state": BindingState.ACTIVE,
        "sequence": 1,
        "security": PortSecurity((mac,), (f"10.1.1.{number}",)),
        "tap": tap_name(NICS[number]),
        "ips": (f"10.1.1.{number}/24",),
    }
    return PortDocument(**(fields | other))


def document(*ports: PortDocument, revision: int = 1, epoch: str = "e1", **other) -> HostDocument:
    vnis = sorted({one.vni for one in ports})
    fields = {
        "host": "host-1",
        "number": 1,
        "name": "h1",
        "zone": "z",
        "epoch": epoch,
        "revision": revision,
        "vtep": "192.0.2.1",
        "segments": tuple(SegmentNeed(vni, revision) for vni in vnis),
        "ports": tuple(encode_port(one) for one in ports),
    }
    return HostDocument(**(fields | other))


def segment(vni: int, remote: dict[int, int], revision: int = 1) -> SegmentTable:
    """``remote``: MAC number → host number; host n has VTEP 192.0.2.n."""
    hosts = sorted(set(remote.values()) | {1})
    low = 0xFFFF_C000_0200
    return SegmentTable(
        SegmentHead(vni, f"net{vni}", f"net{vni}", "t", 1450),
        revision,
        table(MEMBER, [(host, 0, low + host) for host in hosts]),
        table(PORT, [(0x0200_0000_0000 + mac, host, 0) for mac, host in remote.items()]),
        table(ADDRESS, [(0, 0xFFFF_0A01_0100 + mac, 0x0200_0000_0000 + mac, 0) for mac in remote]),
    )
