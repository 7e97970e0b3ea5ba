"""Which machines' MACs the bridges of this host believe behind which ports. Input only; changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from vxloom.dataplane.netlink import NUD_NOARP, NUD_PERMANENT, NetlinkSocket, decode_fdb, fdb_dump
from vxloom.doctor.evidence import Device, Sighting
from vxloom.model.addresses import format_mac


def sightings(devices: Mapping[str, Device], bridges: Collection[str]) -> tuple[Sighting, ...]:
    """Return what these bridges learnt, or were told, of ports that are no VXLAN devices of ours; a port's own MAC left out.

    Raises ``DataplaneError``.
    """
    ports = {
        device.index: device for device in devices.values() if device.master in bridges and not (device.ours and device.kind == "vxlan")
    }
    if not ports:
        return ()
    with NetlinkSocket() as sock:
        rows = decode_fdb(sock.dump(fdb_dump()))
    behind = (rows["master"] != 0) & ((rows["state"] & NUD_PERMANENT) == 0) & np.isin(rows["ifindex"], np.fromiter(ports, np.uint32))
    learnt = (rows["state"] & NUD_NOARP) == 0
    return tuple(
        Sighting(ports[index].master, ports[index].name, format_mac(mac), learnt=by_itself)
        for index, mac, by_itself in zip(
            rows["ifindex"][behind].tolist(), rows["mac"][behind].tolist(), learnt[behind].tolist(), strict=True
        )
    )
