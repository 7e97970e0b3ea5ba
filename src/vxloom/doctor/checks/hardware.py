"""Is the machine too hot, and do its cards and bonds carry the underlay as they should?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor import judgement
from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

HOT = Fault(
    code="host-hot",
    severity=Severity.WARNING,
    title="a part of the machine is too hot",
    meaning="It will slow itself down, then switch itself off; no new machine is put here while there is another host.",
    remedy="look at fans, dust, and the air in front of the rack; migrate machines away (prepareHostForMaintenance)",
)
LEG = Fault(
    code="bond-leg-down",
    severity=Severity.WARNING,
    title="a bond lacks a leg",
    meaning="The underlay has less room, and one more fault cuts this host off.",
    remedy="look at cable, optics and switch port of the leg; cat /proc/net/bonding/{where}",
)
PARTNER = Fault(
    code="bond-partner",
    severity=Severity.WARNING,
    title="the switch does not take part in a bond as it should",
    meaning="A leg without its partner carries nothing, or what it carries is lost, though its carrier is up.",
    remedy="compare the switch's channel group with cat /proc/net/bonding/{where}: the same group for all legs, LACP on",
)
UNEQUAL = Fault(
    code="bond-speed",
    severity=Severity.WARNING,
    title="the legs of a bond differ in speed",
    meaning="LACP uses legs of one speed only; flows on the slower one are slow.",
    remedy="see what each leg negotiated: ethtool on each; replace the cable or optics of the slower one",
)
DOWN = Fault(
    code="link-down",
    severity=Severity.ERROR,
    title="a card of the underlay has no carrier",
    meaning="No tunnel packet leaves or arrives by it.",
    remedy="look at its cable and switch port; ip link set {where} up, if somebody switched it off",
    explains=frozenset({"route-missing", "server-away"}),
)
SLOW = Fault(
    code="link-slow",
    severity=Severity.WARNING,
    title="a card of the underlay is slower than it was, or half duplex",
    meaning="The underlay has less room than it should.",
    remedy="ethtool {where}; look at its cable, and at the negotiation of both ends",
)
FAULTS = (HOT, LEG, PARTNER, UNEQUAL, DOWN, SLOW)

_OF_CODE = {
    judgement.TEMPERATURE: HOT,
    judgement.LEG: LEG,
    judgement.AGGREGATOR: PARTNER,
    judgement.PARTNER: PARTNER,
    judgement.UNEQUAL: UNEQUAL,
    judgement.DOWN: DOWN,
    judgement.SPEED: SLOW,
    judgement.DUPLEX: SLOW,
}
"""What a single look can tell; rates, optics and changed offloads are the server's alerts ``host.…``, by what agents watch all the time."""


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Judge by the limits every zone begins with."""
    if evidence.hardware is None:
        return
    for found in judgement.judge(evidence.hardware, judgement.Thresholds(), {}):
        fault = _OF_CODE.get(found.code)
        if fault is not None:
            yield fault.found(found.part, seen=found.text)
