"""Before a machine is started: can the paths to the other hosts of its networks carry what these need?

What was measured last counts (``vxloom doctor --paths``, and the server's own measuring): a start never waits for probes. A path nobody has
measured is taken for well. ``vxloom.path.mtu.check`` says what comes of a narrow one: nothing, a warning, or no start.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping

from vxloom.errors import RequestError
from vxloom.server.lifecycle.networks import OVERHEAD_IPV4, OVERHEAD_IPV6
from vxloom.store import ReadTransaction, Store, Transaction, records

OFF, WARN, REFUSE = "off", "warn", "refuse"
ALERT = "vm.path.mtu"
"""About a machine that was started all the same."""
WORD = "narrow"
"""In a job's context: which path carries too little for its machine."""
KEPT = 86_400.0
"""Seconds a measured path counts."""
_ACTOR = "doctor"


def check_of(rx: ReadTransaction, zone: str) -> str:
    """Return what comes of a narrow path in a zone: off, warn or refuse."""
    return rx.setting("vxloom.path.mtu.check", zone)


def hosts_beside(rx: ReadTransaction, vm: records.Vm, only: str | None = None) -> dict[str, str]:
    """Return host id → why a machine would not reach all others of its networks (or of ``only`` that one) from there; a host that is not in
    it is well.

    One small query where no path is narrow.
    """
    since, zone = time.time() - KEPT, vm.zone
    paths = [path for path in rx.all(records.NarrowPath, zone=zone) if path.measured >= since]
    if not paths or check_of(rx, zone) == OFF:
        return {}
    networks = {nic.network for nic in rx.all(records.Nic, vm=vm.id)} if only is None else {only}
    by_vtep = {host.vtep: host for host in rx.all(records.Host, zone=zone, vtep=sorted({path.remote for path in paths}))}
    names = {host.id: host.name for host in rx.all(records.Host, id=sorted({path.host for path in paths}))}
    found: dict[str, str] = {}
    for network in rx.all(records.Network, id=sorted(networks)):
        members = set(rx.segment_hosts(network.id, but=vm.id))
        for path in paths:
            remote, need = by_vtep.get(path.remote), needed(network, path.remote)
            if remote is None or path.carries >= need or path.host not in names:
                continue
            carried = f"carries packets of {path.carries} bytes, network {network.name} needs {need}" if path.carries else "carries nothing"
            text = f"its path from {names[path.host]} to {remote.name} ({path.remote}) {carried}"
            for host, other in ((path.host, remote.id), (remote.id, path.host)):
                if other in members:
                    found.setdefault(host, text)
    return found


def needed(network: records.Network, vtep: str) -> int:
    """Return the bytes of an outer IP packet that carries the largest a network's guests may send."""
    return (network.mtu or 0) + (OVERHEAD_IPV4 if ipaddress.ip_address(vtep).version == 4 else OVERHEAD_IPV6)


def tell(tx: Transaction, vm: records.Vm, host: str) -> str:
    """Raise or resolve the alert about a machine that goes to a host; return why, "" where all is well."""
    why = hosts_beside(tx, vm).get(host, "")
    if why:
        text = f"instance {vm.name}: {why}: large packets vanish; see vxloom doctor --paths, or start it elsewhere"
        tx.alert(ALERT, vm.id, text)
    else:
        tx.resolve_alert(ALERT, vm.id)
    return why


def refuse_network(rx: ReadTransaction, vm: records.Vm, host: str, network: str, *, root: bool) -> None:
    """Raise :class:`RequestError` 533 where a machine that is up would get a NIC in a network that its host does not reach well enough."""
    why = hosts_beside(rx, vm, network).get(host, "")
    if why and check_of(rx, vm.zone) == REFUSE:
        told = f": {why}" if root else ""
        text = f"Unable to add a NIC to instance {vm.name}: its host is not connected well enough{told}"
        raise RequestError(text, code=533, cs_code=4370, remedy="move it, or see vxloom doctor --paths")


def noted(job: records.Job) -> str:
    """Return which path carries too little for a job's machine, "" where all is well."""
    return str(job.context.get(WORD, ""))


def judge_again(store: Store) -> None:
    """Resolve the alerts about machines whose paths are well now, or that are elsewhere or nowhere."""
    with store.read() as rx:
        over = [alert.subject for alert in rx.all(records.Alert, name=ALERT, resolved=None) if not _stands(rx, alert.subject)]
    if over:
        with store.write(_ACTOR) as tx:
            for vm in over:
                tx.resolve_alert(ALERT, vm)


def _stands(rx: ReadTransaction, identity: str) -> bool:
    vm = rx.get(records.Vm, identity)
    host = rx.host_of(identity) if vm is not None else None
    if vm is None or host is None:
        return False
    return host.id in hosts_beside(rx, vm)


def keep(store: Store, zones: Mapping[str, str], measured: Mapping[tuple[str, str], int | None]) -> None:
    """Keep what was measured. ``zones``: host id → zone; ``measured``: (host id, VTEP) → bytes that pass, None: all that is needed.

    Writes only about paths that are narrow or were. Raises ``StateError`` when the store fails.
    """
    with store.read() as rx:
        known = {(row.host, row.remote): row for row in rx.all(records.NarrowPath, host=sorted({host for host, _ in measured}))}
    narrow = {key: carries for key, carries in measured.items() if carries is not None}
    over = [row.id for key, row in known.items() if key in measured and measured[key] is None]
    if not narrow and not over:
        return
    with store.write(_ACTOR) as tx:
        tx.delete_where(records.NarrowPath, id=[*over, *(row.id for key, row in known.items() if key in narrow)])
        for (host, remote), carries in narrow.items():
            if tx.get(records.Host, host) is not None and tx.one(records.NarrowPath, host=host, remote=remote) is None:
                tx.add(records.NarrowPath(zone=zones[host], host=host, remote=remote, carries=carries))
