"""The second half of the way: from the underlay to the receiver's tap. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.why.at import At
from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.places import bridge, guest, vxlan_device, walls
from vxloom.doctor.why.story import Step
from vxloom.model.pair import Pair


def arriving(pair: Pair, place: int, sight: Sight) -> Iterator[Step]:
    """Yield the steps on the receiver's host; ``place`` is the receiver's."""
    at = At(sight)
    if not pair.together:
        yield walls(at, pair, pair.ends[1 - place].vtep, outward=False)
        yield vxlan_device(at, pair.vni)
        yield bridge(at, pair.vni)
    yield guest(at, pair.ends[place], place)
