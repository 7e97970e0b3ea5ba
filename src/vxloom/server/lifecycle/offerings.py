"""What machines are made of and may still be chosen: service offerings and templates."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.parameters import Arguments, unknown_id
from vxloom.store import ReadTransaction, records


def named(rx: ReadTransaction, given: Arguments, parameter: str, kind: type[records.Domain | records.Zone]) -> tuple[str, ...]:
    """Return the ids of a comma-separated list, for which an offering is to be; ``all`` or ``public``, or nothing: for every one.

    Raises :class:`RequestError` 431 for an id of none.
    """
    ids = tuple(dict.fromkeys(text.lower() for text in given.items(parameter)))
    if set(ids) <= {"all", "public"}:
        return ()
    return tuple(owners.fetch(rx, kind, id_, parameter).id for id_ in ids)


def hidden(call: Call, rx: ReadTransaction) -> list[str]:
    """Return the network offerings a list leaves out: those not for the caller's domain, nor the ``domainid`` or ``zoneid`` asked for."""
    given, domains = call.arguments, [] if call.caller.root else [call.caller.domain]
    if asked := given.filled("domainid"):
        domains.append(owners.fetch_domain(call, rx, asked))
    zone = given.filled("zoneid")
    rows = [row for row in rx.all(records.NetworkOffering) if row.domains or row.zones]
    return [row.id for row in rows if (zone and row.zones and zone not in row.zones) or not all(offers_to(rx, row, one) for one in domains)]


def offers_to(rx: ReadTransaction, offering: records.NetworkOffering, domain: records.Domain) -> bool:
    """Tell whether an offering is for a domain: one that is for some domains is for those below them, too."""
    paths = [row.path for row in rx.all(records.Domain, id=offering.domains)] if offering.domains else []
    return not offering.domains or any(domain.path == path or domain.path.startswith(f"{path}/") for path in paths)


def size(rx: ReadTransaction, given: str, parameter: str = "serviceofferingid") -> records.ServiceOffering:
    """Return a service offering by id; raises :class:`RequestError` 431 for none, and for a deleted one."""
    row = rx.get(records.ServiceOffering, given)
    if row is None or row.removed is not None:
        raise unknown_id(parameter, given)
    return row


def template(call: Call, rx: ReadTransaction, given: str, parameter: str = "templateid") -> records.Template:
    """Return a template the caller may use: a public one, or one it reaches; raises 431 for any other, and for a deleted one."""
    row = rx.get(records.Template, given)
    if row is None or row.removed is not None or not (row.is_public or owners.reaches(rx, call.caller, row.account)):
        raise unknown_id(parameter, given)
    return row


def own_template(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Template:
    """Return a template the caller may change; raises 431 as :func:`template`: a public one of another's cannot be changed."""
    row = template(call, rx, given, parameter)
    if not owners.reaches(rx, call.caller, row.account):
        raise unknown_id(parameter, given)
    return row
