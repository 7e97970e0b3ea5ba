"""Are the machines' taps bound, their filters whole, and the lists of who may send to them?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.state import AllowList, AllowTable, FilterTable, PortFilter, Resource, Tap

_AGENT = "the running agent repairs it within a second; until then: systemctl status vxloom-agent"

DETACHED = Fault(
    code="tap-detached",
    severity=Severity.ERROR,
    title="a machine's tap is not on its bridge",
    meaning="The machine is cut off.",
    remedy=_AGENT,
)
CHANGED = Fault(
    code="tap-changed",
    severity=Severity.ERROR,
    title="a machine's bridge port is not as it was made",
    meaning="It may be able to send under another MAC, or be cut off.",
    remedy=_AGENT,
)
FILTERS = Fault(
    code="filters-changed",
    severity=Severity.ERROR,
    title="the filters of machines are not there, or not as they were made",
    meaning="Machines may send under addresses of others; a port that is locked still cannot take another's MAC.",
    remedy=_AGENT,
)
ALLOWED = Fault(
    code="allow-list-changed",
    severity=Severity.ERROR,
    title="the lists of who may send VXLAN packets to this host are not there, or not as they were made",
    meaning="A stranger may be heard in a tenant's network, or a peer may not.",
    remedy=_AGENT,
)
FOREIGN = Fault(
    code="foreign-port",
    severity=Severity.ERROR,
    title="a port on a bridge of ours belongs to no machine",
    meaning="Whoever is behind it is in a tenant's network; the agent locks it, so that nothing it sends passes.",
    remedy="ip link set {where} nomaster",
)
FAULTS = (DETACHED, CHANGED, FILTERS, ALLOWED, FOREIGN)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Judge taps, filters, allow lists, and what else is on our bridges."""
    filters: list[str] = []
    lists: list[str] = []
    for key, desired in evidence.desired.resources.items():
        observed = evidence.observed.resources.get(key)
        if observed == desired:
            continue
        if isinstance(desired, Tap):
            yield from _tap(evidence, desired, observed)
        elif isinstance(desired, FilterTable | PortFilter) and "filters" not in evidence.unknown:
            filters.append(" ".join(key))
        elif isinstance(desired, AllowTable | AllowList) and "filters" not in evidence.unknown and _differs(desired, observed):
            lists.append(" ".join(key))
    if lists:
        yield ALLOWED.found("nft table inet vxloom", expected="as made", seen=f"differs: {', '.join(lists[:3])}{_more(lists)}")
    if filters:
        yield FILTERS.found("nft table bridge vxloom", expected="as made", seen=f"differs: {', '.join(filters[:3])}{_more(filters)}")
    for stray in evidence.observed.strays:
        yield FOREIGN.found(stray.name, expected=f"not on {stray.bridge}", seen="locked" if stray.quarantined else "not locked")


def _differs(desired: Resource, observed: Resource | None) -> bool:
    """Tell whether it is to become another; a list that is not known yet is as it stands."""
    return observed is None or desired.stages(observed)[1] != observed


def _tap(evidence: HostEvidence, desired: Tap, observed: object) -> Iterator[Finding]:
    if isinstance(observed, Tap) and observed.bridge == desired.bridge:
        yield CHANGED.found(desired.name, expected=_port(desired), seen=_port(observed))
    elif desired.name in evidence.observed.present_taps:  # a machine that does not run has no tap
        seen = f"on {observed.bridge}" if isinstance(observed, Tap) and observed.bridge else "on no bridge of ours"
        yield DETACHED.found(desired.name, expected=f"on {desired.bridge}", seen=seen)


def _port(tap: Tap) -> str:
    flags = {"up": tap.up, "locked": tap.locked, "learning": tap.learning, "flood": tap.flood, "plain": tap.plain}
    return f"MTU {tap.mtu}, {', '.join(name for name, on in flags.items() if on)}, {', '.join(sorted(tap.macs)) or 'no MAC fixed'}"


def _more(names: list[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > 3 else ""
