"""Whose value of a setting a request is about: everybody's, a zone's, an account's."""

from __future__ import annotations

from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.parameters import Kind, Parameter
from vxloom.store import ReadTransaction, records

_OTHERS = ("clusterid", "domainid", "imagestoreid", "imagestoreuuid", "storageid")
"""Scopes CloudStack has besides; no setting here has values of its own for them."""
SCOPES = (
    Parameter("zoneid", Kind.UUID, "of this zone", related="listZones"),
    Parameter("accountid", Kind.UUID, "of this account", related="listAccounts"),
    Parameter("clusterid", Kind.UUID, "no setting has values per cluster", related="listClusters"),
    Parameter("domainid", Kind.UUID, "no setting has values per domain", related="listDomains"),
    Parameter("imagestoreid", Kind.UUID, "no setting has values per image store"),
    Parameter("imagestoreuuid", Kind.UUID, "no setting has values per image store"),
    Parameter("storageid", Kind.UUID, "no setting has values per storage pool"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """At most one is given; none: the value everybody has who has none of their own."""

    zone: str | None = None
    account: str | None = None
    other: str | None = None
    """The parameter of a scope that no setting has."""

    @property
    def kind(self) -> str:
        """Return the scope in the words of :class:`Setting`."""
        return "zone" if self.zone else "account" if self.account else self.other or "global"


def asked(call: Call, rx: ReadTransaction) -> Scope:
    """Return the scope a request names; raises :class:`RequestError` 431 for several, or for a zone or account there is not."""
    given = call.arguments
    named = [name for name in ("zoneid", "accountid", *_OTHERS) if given.filled(name)]
    if len(named) > 1:
        raise RequestError(f"Only one scope can be given, not {', '.join(named)}", remedy="leave all but one out")
    if zone := given.filled("zoneid"):
        return Scope(zone=owners.fetch(rx, records.Zone, zone, "zoneid").id)
    if account := given.filled("accountid"):
        return Scope(account=owners.fetch(rx, records.Account, account, "accountid").id)
    return Scope(other=named[0] if named else None)


def changed(call: Call, rx: ReadTransaction, setting: str) -> Scope:
    """Return the scope in which a request changes a setting; raises :class:`RequestError` 431 where no setting has one."""
    scope = asked(call, rx)
    if scope.other:
        raise RequestError(f"Invalid scope: {setting} has no value of its own by {scope.other}", remedy=f"leave {scope.other} out")
    return scope


def where(scope: Scope) -> str:
    """Return the end of a sentence that says where a value holds."""
    return f" in zone {scope.zone}" if scope.zone else f" for account {scope.account}" if scope.account else ""
