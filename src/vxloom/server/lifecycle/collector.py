"""What is done to networks without anybody asking: those that nobody uses are shut down, and a pool of VNIs that runs low is told of.

As CloudStack's collector (NetworkOrchestrator.NetworkGarbageCollector): networks are looked at every ``network.gc.interval`` seconds; one
found idle, and still idle ``network.gc.wait`` seconds later, loses its VNI. When it was first found so is in the store, so that a restart
of the server does not begin the wait anew.
"""

from __future__ import annotations

import structlog

from vxloom.server.lifecycle.networks import shut_down
from vxloom.store import ReadTransaction, Store, records

ACTOR = "collector"
VNIS_LOW = "ALERT.NETWORK.VLAN"
"""CloudStack's alert about VLANs and VNIs (AlertService.ALERT_TYPE_VLAN, number 18). Its subject is the zone."""
_VNIS_LOW_TYPE = 18
_log = structlog.get_logger(__name__)


class Collector:
    """Looks for idle networks when it is time. Not shared between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked = float("-inf")

    def turn(self, now: float) -> None:
        """Look, if the last look was ``network.gc.interval`` seconds ago. ``now``: Unix time."""
        with self._store.read() as rx:
            if now < self._looked + rx.setting_int("network.gc.interval"):
                return
        self._looked = now
        collect(self._store, now)


def collect(store: Store, now: float) -> None:
    """Shut down the networks that have been idle for ``network.gc.wait`` seconds, and note which others are idle."""
    with store.read() as rx:
        idle = rx.idle_networks()
        wait = rx.setting_int("network.gc.wait")
    for network in idle:
        since = now if network.idle is None else network.idle
        if network.idle is not None and since + wait > now:
            continue
        with store.write(ACTOR) as tx:
            seen = tx.get(records.Network, network.id)
            if seen is None or seen.state is not records.NetworkState.IMPLEMENTED or tx.segment_hosts(seen.id):
                continue  # used or deleted meanwhile
            if since + wait <= now:
                shut_down(tx, seen)
                _log.info("network shut down: nobody uses it", network=seen.id, name=seen.name)
            else:
                tx.update(records.Network, seen.id, idle=now)


def watch_pools(store: Store) -> None:
    """Raise or end each zone's alert about VNIs running out (``zone.vlan.capacity.notificationthreshold``)."""
    with store.read() as rx:
        open_ones = {alert.subject for alert in rx.all(records.Alert, name=VNIS_LOW, resolved=None)}
        texts = {zone.id: _shortage(rx, zone) for zone in rx.all(records.Zone)}
    gone = open_ones - {zone for zone, text in texts.items() if text}
    low = {zone: text for zone, text in texts.items() if text}
    if not low and not gone:
        return
    with store.write(ACTOR) as tx:
        for zone, text in low.items():
            tx.alert(VNIS_LOW, zone, text, type=_VNIS_LOW_TYPE)
        for zone in gone:
            tx.resolve_alert(VNIS_LOW, zone)


def vni_usage(rx: ReadTransaction, zone: str) -> tuple[int, int]:
    """Return (taken or not yet free, total) of all pools of a zone."""
    usage = [rx.vni_usage(network.id) for network in rx.all(records.PhysicalNetwork, zone=zone)]
    return sum(used for used, _ in usage), sum(total for _, total in usage)


def _shortage(rx: ReadTransaction, zone: records.Zone) -> str:
    used, total = vni_usage(rx, zone.id)
    share = rx.setting_float("zone.vlan.capacity.notificationthreshold", zone.id)
    if not total or used / total <= share:
        return ""
    # No figure that changes with every network: the text would be written anew at every look.
    return (
        f"zone {zone.name}: more than {share:.0%} of its VNIs are in use; give its physical networks more with updatePhysicalNetwork vlan="
    )
