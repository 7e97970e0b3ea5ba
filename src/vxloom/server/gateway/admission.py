"""Who may speak: joining with a token, greeting with a certificate, renewing it. Runs in threads; all decisions are in the store's rows."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from vxloom.errors import IdentityError, StateError
from vxloom.model.addresses import VNI_MAX, VNI_MIN
from vxloom.model.wire import SCHEMA, Hello, Join
from vxloom.server.authority import Authority, Claimant, Issued
from vxloom.server.lifecycle.hypervisors import note_mixture
from vxloom.store import ReadTransaction, Store, Transaction, records

ACTOR = "gateway"
VTEP = "host.vtep"
"""Alert: a host's tunnel end point cannot be used."""
HOST_ALERT = 7
"""CloudStack's ALERT.TYPE.HOST, AlertService.java."""
_MOST_SEGMENTS = 16384
_LOOK = "look at its agent's state folder, and at the host"
_ONE_VTEP = "give each host an underlay address of its own, `vtep` in agent.toml, or remove the host that has it"
_HOW_TO_JOIN = "make a new token with createHostJoinToken"


class _Opening(msgspec.Struct):
    """The part of any first message that every schema can read."""

    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Admitted:
    """A host that may stream."""

    host: records.Host
    lineage: bool
    """The store knows the agent's revision and nonce, and the epoch is the same."""
    confirmed: bool
    """A person confirmed this host under the store's epoch."""


def check_schema(body: bytes) -> None:
    """Raise :class:`IdentityError` on a first message of a newer schema, before trying to understand the rest of it."""
    try:
        schema = msgspec.msgpack.decode(body, type=_Opening).schema
    except msgspec.DecodeError as error:
        raise StateError("the first message cannot be read", remedy="upgrade the older side") from error
    if schema > SCHEMA:
        raise IdentityError(
            f"the agent speaks schema {schema}, this server knows up to {SCHEMA}", remedy="upgrade the management server before its agents"
        )


def issue_token(tx: Transaction, authority: Authority, zone: str, name: str) -> str:
    """Return the text of a new one-time token for a host called ``name``; the store keeps its secret's hash."""
    token = authority.token()
    pod = tx.one(records.Pod, zone=zone) or tx.add(records.Pod(zone=zone, name="default"))
    cluster = tx.one(records.Cluster, pod=pod.id) or tx.add(records.Cluster(zone=zone, pod=pod.id, name="default"))
    expires = time.time() + tx.setting_float("vxloom.token.hours") * 3600
    tx.add(records.JoinToken(secret_hash=token.secret_hash, name=name, zone=zone, pod=pod.id, cluster=cluster.id, expires=expires))
    return token.text


def join(store: Store, authority: Authority, message: Join) -> tuple[str, Issued]:
    """Redeem a token; return the host's id and certificate. Raises :class:`IdentityError` and changes nothing when it may not.

    The token is bound to the request's key: who redeemed it may do so again until it ends, nobody else may at all.
    """
    secret_hash = authority.secret_hash(message.token)
    key = authority.key_of(message.csr)
    with store.write(ACTOR) as tx:
        token = tx.one(records.JoinToken, secret_hash=secret_hash)
        if token is None:
            raise IdentityError("the join token is unknown", remedy=_HOW_TO_JOIN)
        if token.expires <= time.time():
            raise IdentityError("the join token has expired", remedy=_HOW_TO_JOIN)
        if token.key_hash not in {None, key}:
            raise IdentityError("the join token was already used by another host", remedy=_HOW_TO_JOIN)
        host = _host_of(tx, token, message.name)
        issued = authority.issue(message.csr, host.id)
        tx.delete_where(records.Certificate, host=host.id)
        _record(tx, host.id, issued)
        tx.update(records.JoinToken, token.id, host=host.id, key_hash=key)
        tx.touch_host(host.id)  # an older stream of this host ends: its certificate is no longer listed
        if token.host is None:
            note_mixture(tx, host.zone)
            tx.event("HOST.JOIN", f"host {host.name} joined", resource_type="Host", resource=host.id)
    return host.id, issued


def admit(store: Store, claimant: Claimant, hello: Hello, address: str) -> Admitted:
    """Hold a greeting against the host's row, note what it says of itself; raises :class:`IdentityError`."""
    with store.read() as rx:
        host = rx.get(records.Host, claimant.host)
        certificates = rx.all(records.Certificate, host=claimant.host)
    if host is None:
        raise IdentityError("this host was removed from the cloud", remedy=f"to add it again, {_HOW_TO_JOIN}")
    if claimant.serial not in {c.id for c in certificates}:
        raise IdentityError("this certificate was replaced by a newer one", remedy=_HOW_TO_JOIN)
    if claimant.expired(datetime.now(UTC)):
        raise IdentityError("this certificate has ended", remedy="renew it")
    _refuse_segments(hello)
    _refuse_vtep(store, host, hello.vtep)
    same = hello.epoch == store.epoch or (not hello.epoch and not hello.revision)
    lineage = same and store.knows(host.zone, hello.revision, hello.nonce)
    store.report_held(host.id, hello.segments)
    outdated = [c.id for c in certificates if c.id != claimant.serial and c.created < _created(certificates, claimant.serial)]
    news = _news(host, hello, address)
    if news or outdated:
        with store.write(ACTOR) as tx:
            host = _note(tx, host, news, outdated)
    return Admitted(host, lineage, host.confirmed_epoch == store.epoch)


def renew(store: Store, authority: Authority, claimant: Claimant, csr: str) -> Issued:
    """Return a new certificate for the same host and key; raises :class:`IdentityError`.

    The one in use stays valid until the new one is first used: a crash before it is on the agent's disk is harmless.
    """
    if authority.key_of(csr) != claimant.key:
        raise IdentityError("a certificate is renewed for the same key only", remedy=_HOW_TO_JOIN)
    if claimant.past_grace(datetime.now(UTC)):
        raise IdentityError("this certificate ended too long ago to be renewed", remedy=_HOW_TO_JOIN)
    with store.write(ACTOR) as tx:
        used = tx.get(records.Certificate, claimant.serial)
        if used is None or used.host != claimant.host or tx.get(records.Host, claimant.host) is None:
            raise IdentityError("this host was removed, or joined again elsewhere", remedy=_HOW_TO_JOIN)
        # Valid are the one in use, the one that should be on the host's disk, and the new one; never more.
        others = [c for c in tx.all(records.Certificate, host=claimant.host, order="-created") if c.id != claimant.serial]
        for other in others[1:]:
            tx.delete(records.Certificate, other.id)
        issued = authority.issue(csr, claimant.host)
        _record(tx, claimant.host, issued)
    return issued


def _host_of(tx: Transaction, token: records.JoinToken, name: str) -> records.Host:
    if token.host is not None:
        host = tx.get(records.Host, token.host)
        if host is None:
            raise IdentityError("the host that used this token was removed", remedy=_HOW_TO_JOIN)
        return host
    wanted = token.name or name
    if not wanted:
        raise IdentityError("neither the token nor the agent names the host", remedy="set `name` in agent.toml")
    # A host that was installed afresh joins again under its name: same row, new key.
    known = tx.one(records.Host, zone=token.zone, name=wanted)
    if known is not None and known.hypervisor == records.Hypervisor.SIMULATOR:
        raise IdentityError(f"a simulated host is called {wanted} already", remedy="join under another name, or delete that host first")
    return known or tx.add_host(records.Host(zone=token.zone, pod=token.pod, cluster=token.cluster, name=wanted))


def _record(tx: Transaction, host: str, issued: Issued) -> None:
    tx.add(records.Certificate(id=issued.serial, host=host, key_hash=issued.key, not_after=issued.expires.timestamp()))


def _created(certificates: list[records.Certificate], serial: str) -> float:
    return next(c.created for c in certificates if c.id == serial)


def _news(host: records.Host, hello: Hello, address: str) -> dict[str, object]:
    said: dict[str, object] = {
        "vtep": hello.vtep,
        "labels": hello.labels,
        "facts": hello.facts,
        "version": hello.version or None,
        "address": address,
        "state": records.HostState.UP,
        "disconnected": None,
    }
    return {name: value for name, value in said.items() if getattr(host, name) != value}


def _note(tx: Transaction, host: records.Host, news: dict[str, object], outdated: list[str]) -> records.Host:
    for serial in outdated:
        tx.delete_where(records.Certificate, id=serial)
    if tx.get(records.Host, host.id) is None:
        raise IdentityError("this host was removed from the cloud", remedy=f"to add it again, {_HOW_TO_JOIN}")
    if news:
        host = tx.update(records.Host, host.id, **news)
    if "vtep" in news and (holder := _holder(tx, host, host.vtep)) is not None:  # it greeted in the same moment
        raise StateError(_twice(host.vtep, holder), remedy=_ONE_VTEP)
    if news.keys() & {"vtep", "labels"}:
        tx.touch_host(host.id)
        for network in _networks_of(tx, host.id):  # every peer's rows point at this host's tunnel end point
            tx.touch_segment(network)
    return host


def _refuse_segments(hello: Hello) -> None:
    """Raise :class:`StateError` for more segments than a host can have, or VNIs that are none.

    What a host holds stays out of the pool (law 7), so one that lies could otherwise empty it.
    """
    if len(hello.segments) > _MOST_SEGMENTS:
        raise StateError(f"the host says it holds {len(hello.segments)} segments, at most {_MOST_SEGMENTS} are believed", remedy=_LOOK)
    if any(not VNI_MIN <= vni <= VNI_MAX for vni in hello.segments):
        raise StateError("the host says it holds a VNI that is none", remedy=_LOOK)


def _refuse_vtep(store: Store, host: records.Host, vtep: str) -> None:
    """Raise :class:`StateError`, and an alert, for a tunnel end point that is no address or another host's.

    Peers would send the frames of both hosts to one of them. The one that came first keeps it; nothing of the other is published.
    """
    with store.read() as rx:
        holder = _holder(rx, host, vtep) if vtep != host.vtep else None
        wrong = f"its tunnel end point {vtep[:64]!r} is no unicast address" if not _is_unicast(vtep) else _twice(vtep, holder)
        opened = rx.one(records.Alert, name=VTEP, subject=host.id, resolved=None)
    text = f"host {host.name}: {wrong} ({_ONE_VTEP})"
    if wrong and (opened is None or opened.description != text):
        with store.write(ACTOR) as tx:
            tx.alert(VTEP, host.id, text, type=HOST_ALERT)
    elif opened is not None and not wrong:
        with store.write(ACTOR) as tx:
            tx.resolve_alert(VTEP, host.id)
    if wrong:
        raise StateError(wrong, remedy=_ONE_VTEP)


def _holder(rx: ReadTransaction, host: records.Host, vtep: str) -> records.Host | None:
    return next((other for other in rx.all(records.Host, zone=host.zone, vtep=vtep, limit=2) if other.id != host.id), None)


def _twice(vtep: str, holder: records.Host | None) -> str:
    return f"its tunnel end point {vtep} is that of host {holder.name} already" if holder is not None else ""


def _is_unicast(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or text == "255.255.255.255") and str(address) == text


def _networks_of(tx: Transaction, host: str) -> list[str]:
    nics = [binding.nic for binding in tx.all(records.Binding, host=host, order="id")]
    return sorted({nic.network for nic in tx.all(records.Nic, id=nics)}) if nics else []
