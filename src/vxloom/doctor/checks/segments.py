"""Do all hosts of a network hold the same of it?"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from vxloom.doctor.evidence import CloudEvidence, HostAnswer, SegmentDigest
from vxloom.doctor.finding import Fault, Finding, Severity

_PARTS = {"fdb": "FDB", "bridged": "rows of the bridge", "flood": "flood entries", "neighbours": "neighbours"}

DIFFERS = Fault(
    code="segment-differs",
    severity=Severity.ERROR,
    title="a host holds something else of a network than the other hosts do",
    meaning="Each host finds itself as it should be, so there is a row that no agent takes for its own: frames may go astray on that host.",
    remedy="compare with another host: bridge fdb show br brvx-VNI; ip neigh show dev brvx-VNI; delete what only this one has",
)
FAULTS = (DIFFERS,)


def survey(cloud: CloudEvidence) -> Iterator[Finding]:
    """Compare hosts that were told the same of a segment, IPv4 and IPv6 underlays each by themselves."""
    groups: dict[tuple[int, int, int], dict[str, SegmentDigest]] = defaultdict(dict)
    for host in cloud.hosts:
        for vni, digest in host.segments.items():
            groups[vni, digest.table, _family(host)][host.name] = digest
    for (vni, _, _), digests in sorted(groups.items()):
        if len(digests) > 1 and len(set(digests.values())) > 1:
            yield from _compared(vni, digests)


def _compared(vni: int, digests: Mapping[str, SegmentDigest]) -> Iterator[Finding]:
    """Tell who differs from the most; where two kinds are as many as each other, all of them."""
    for name, host_differs in sorted(_differing(digests).items()):
        parts, others = host_differs
        remedy = DIFFERS.remedy.replace("VNI", str(vni))
        seen, expected = f"other {' and '.join(parts)}", f"as on {others} of {len(digests) - 1} other hosts"
        yield DIFFERS.found(f"VNI {vni}", expected=expected, seen=seen, host=name, remedy=remedy)


def _differing(digests: Mapping[str, SegmentDigest]) -> dict[str, tuple[list[str], int]]:
    """Return host → what it holds that differs, and from how many."""
    found: dict[str, tuple[list[str], int]] = {}
    for part, word in _PARTS.items():
        counts = Counter(getattr(digest, part) for digest in digests.values())
        if len(counts) == 1:
            continue
        most = max(counts.values())
        leaders = [value for value, count in counts.items() if count == most]
        for name, digest in digests.items():
            value = getattr(digest, part)
            if len(leaders) > 1 or value != leaders[0]:
                words, others = found.get(name, ([], 0))
                found[name] = ([*words, word], max(others, *(count for other, count in counts.items() if other != value)))
    return found


def _family(host: HostAnswer) -> int:
    return ipaddress.ip_address(host.vtep).version if host.vtep else 0
