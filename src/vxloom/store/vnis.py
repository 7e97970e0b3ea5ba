"""VNI ranges and allocations. A range is one row whatever its size; an allocation is a row, unique in its zone.

Limits and texts: CloudStack's NetworkServiceImpl (facts: shared with its API). Unlike it, overlaps are looked for over whole ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from vxloom.errors import RequestError
from vxloom.model.addresses import VNI_MAX, VNI_MIN
from vxloom.store import gaps
from vxloom.store import records as r
from vxloom.store.engine import is_clash
from vxloom.store.gaps import Interval
from vxloom.store.schema import TABLES
from vxloom.store.writing import PENDING, WriteTransaction

LIMITS: dict[str, Interval] = {"VXLAN": (VNI_MIN, VNI_MAX), "VLAN": (0, 4095), "GRE": (0, 2**32 - 1)}
"""Isolation method → lowest and highest number."""


def limits(isolation: str) -> Interval:
    """Return the lowest and highest number of an isolation method (any case; unknown ones count as VLAN, as CloudStack has it)."""
    return LIMITS.get(isolation.upper(), LIMITS["VLAN"])


def parse_ranges(text: str, bounds: Interval) -> tuple[Interval, ...]:
    """Return ``a-b[,c-d…]`` as sorted, merged intervals; "" is none. Raises :class:`RequestError` 431 with CloudStack's texts."""
    lowest, highest = bounds
    found: list[Interval] = []
    for part in (piece.strip() for piece in text.split(",")) if text.strip() else ():
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not dash or not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            raise RequestError(
                f"Please provide valid vnet range. vnet range should be a comma separated list such as 2001-2012,3000-3005, not {part!r}; "
                f"Vnet range has to be between {lowest} and {highest}"
            )
        start, end = int(first), int(last)
        if not (lowest <= start <= highest and lowest <= end <= highest):
            raise RequestError(f"Vnet range has to be between {lowest} and {highest}, not {part}")
        if start > end:
            raise RequestError(
                f"Vnet range {part}: start range should be lesser than or equal to stop range, and between {lowest} and {highest}"
            )
        found.append((start, end))
    return merge(found)


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return intervals sorted, those that overlap or touch joined."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def format_ranges(intervals: Iterable[Interval]) -> str:
    """Return intervals as the API says them."""
    return ",".join(f"{start}-{end}" for start, end in intervals)


class VniTransaction(WriteTransaction):
    """Ranges and allocations of VNIs."""

    def set_vni_ranges(self, physical_network_id: str, text: str) -> str:
        """Replace a physical network's ranges and return them normalised. "" clears them.

        Raises :class:`RequestError` 431: malformed, out of bounds, overlapping another physical network of the zone with the same
        isolation method, or leaving out a VNI that is in use.
        """
        physical = self.get(r.PhysicalNetwork, physical_network_id)
        if physical is None:
            raise RequestError(f"there is no physical network {physical_network_id}")
        wanted = parse_ranges(text, limits(self.isolation(physical)))
        self._refuse_overlap(physical, wanted)
        self._refuse_loss(physical, wanted)
        self._refuse_undedicated(physical, wanted)
        self.delete_where(r.VniRange, physical_network=physical.id)
        self.add_all([r.VniRange(zone=physical.zone, physical_network=physical.id, start=start, end=end) for start, end in wanted])
        return format_ranges(wanted)

    def _refuse_overlap(self, physical: r.PhysicalNetwork, wanted: tuple[Interval, ...]) -> None:
        ranges, networks = TABLES[r.VniRange], TABLES[r.PhysicalNetwork]
        method = sa.func.lower(networks.c.isolation_method)
        # One that does not say may become the one or the other with a setting.
        alike = method.in_([physical.isolation_method.lower(), ""]) if physical.isolation_method else sa.true()
        for start, end in wanted:
            query = (
                sa.select(ranges.c.start, networks.c.name)
                .join_from(ranges, networks, ranges.c.physical_network == networks.c.id)
                .where(
                    ranges.c.zone == physical.zone,
                    networks.c.id != physical.id,
                    alike,
                    ranges.c.start <= end,
                    ranges.c.end >= start,
                )
                .order_by(ranges.c.start)
                .limit(1)
            )
            clash = self.connection.execute(query).first()
            if clash is not None:
                raise RequestError(
                    f"VNI {max(start, clash.start)} already exists on another network in zone, please specify a unique range",
                    remedy=f"physical network {clash.name} has it",
                )

    def _refuse_loss(self, physical: r.PhysicalNetwork, wanted: tuple[Interval, ...]) -> None:
        table = TABLES[r.VniAllocation]
        used = sa.and_(table.c.physical_network == physical.id, table.c.state == r.AllocationState.USED)
        held = [(one.start, one.end) for one in self.all(r.VniRange, order="start", physical_network=physical.id)]
        inside = [table.c.vni.between(*one) for one in held]
        kept = [table.c.vni.between(*one) for one in wanted]
        query = sa.select(sa.func.count(), sa.func.min(table.c.vni), sa.func.max(table.c.vni))
        number, low, high = self.connection.execute(query.where(used, sa.or_(sa.false(), *inside), ~sa.or_(sa.false(), *kept))).one()
        if not number:
            return
        if not wanted:
            raise RequestError(f"physicalnetwork {physical.name} has {number} vnets in use", remedy="delete their networks first")
        lost = next((f"{a}-{b}" for a, b in held if a <= low <= b), f"{low}-{high}")
        raise RequestError(
            f"physicalnetwork {physical.name} has allocated vnets in the range {lost}",
            remedy=f"keep {low} to {high}, or delete their networks",
        )

    def _refuse_undedicated(self, physical: r.PhysicalNetwork, wanted: tuple[Interval, ...]) -> None:
        for kept in self.all(r.DedicatedRange, order="start", physical_network=physical.id):
            if not any(start <= kept.start and kept.end <= end for start, end in wanted):
                raise RequestError(
                    f"Vnet range {kept.start}-{kept.end} is dedicated to an account, and physicalnetwork {physical.name} would lose it",
                    remedy="keep it, or release it first with releaseDedicatedGuestVlanRange",
                )

    def dedicate_vnis(self, physical_network_id: str, account_id: str, text: str) -> r.DedicatedRange:
        """Keep a range ``a-b`` of a physical network for one account's networks; joined with what touches it of the same account's.

        Raises :class:`RequestError` 431: malformed, outside the physical network's ranges, dedicated already, or used by another account.
        """
        physical = self.get(r.PhysicalNetwork, physical_network_id)
        if physical is None:
            raise RequestError(f"there is no physical network {physical_network_id}")
        found = parse_ranges(text, limits(self.isolation(physical)))
        if len(found) != 1 or "," in text:
            raise RequestError("Vlan range should be one range such as 500-600", remedy="dedicate several one by one")
        [(start, end)] = found
        held = self.all(r.VniRange, physical_network=physical.id)
        if not any(one.start <= start and end <= one.end for one in held):
            raise RequestError(
                f"Unable to find guest vlan range {start}-{end} in physicalnetwork {physical.name}: its ranges are "
                f"{self.vni_ranges_text(physical.id) or 'none'}"
            )
        known = self.all(r.DedicatedRange, order="start", physical_network=physical.id)
        clash = next((one for one in known if one.start <= end and one.end >= start), None)
        if clash is not None:
            raise RequestError(
                f"Vnet range {start}-{end} overlaps {clash.start}-{clash.end}, which is dedicated to an account already",
                remedy="see listDedicatedGuestVlanRanges",
            )
        self._refuse_others(physical, account_id, (start, end))
        for one in known:
            if one.account == account_id and (one.end + 1 == start or end + 1 == one.start):
                start, end = min(start, one.start), max(end, one.end)
                self.delete(r.DedicatedRange, one.id)
        return self.add(r.DedicatedRange(zone=physical.zone, physical_network=physical.id, account=account_id, start=start, end=end))

    def _refuse_others(self, physical: r.PhysicalNetwork, account_id: str, wanted: Interval) -> None:
        table = TABLES[r.VniAllocation]
        query = sa.select(sa.func.min(table.c.vni)).where(
            table.c.zone == physical.zone,
            table.c.vni.between(*wanted),
            table.c.state == r.AllocationState.USED,
            table.c.account != account_id,
        )
        used = self.connection.execute(query).scalar()
        if used is not None:
            raise RequestError(
                f"Vnet {used} of the range {wanted[0]}-{wanted[1]} belongs to a network of another account",
                remedy="leave it out, or delete that network first",
            )

    def take_vni(self, network_id: str, vni: int | None = None) -> int:
        """Give a network a VNI, a random free one of its physical network or the stated one, and return it.

        A network that has one keeps it. Raises :class:`RequestError` 431 (stated one out of bounds or in use), 533 (none left).
        """
        network = self.get(r.Network, network_id)
        if network is None:
            raise LookupError(f"no network {network_id}")
        if network.vni is not None:
            if vni is not None and vni != network.vni:
                raise RequestError(f"network {network.name} already has VNI {network.vni}")
            return network.vni
        chosen = self._stated_vni(network, vni) if vni is not None else self._random_vni(network)
        self.update(r.Network, network.id, vni=chosen)
        self._segments[network.id] = (network.zone, chosen, "put")
        return chosen

    def _stated_vni(self, network: r.Network, vni: int) -> int:
        low, high = limits(network.broadcast_scheme)
        if not low <= vni <= high:
            raise RequestError(f"Vnet range has to be between {low} and {high}, not {vni}")
        table = TABLES[r.DedicatedRange]
        others = (table.c.zone == network.zone, table.c.account != network.account, table.c.start <= vni, table.c.end >= vni)
        if self.connection.execute(sa.select(table.c.id).where(*others)).first() is not None:
            raise RequestError(f"VNI {vni} is dedicated to another account", remedy="state another, or none")
        if not self._allocate(network, vni):
            raise RequestError(
                f"VNI {vni} is in use in this zone, or hosts have not yet forgotten it", remedy="state another, or none", cs_code=4375
            )
        return vni

    def _random_vni(self, network: r.Network) -> int:
        taken = gaps.Taken(TABLES[r.VniAllocation], "vni", {"zone": network.zone})
        for pool in self._pools(network):
            while (found := gaps.random_free(self.connection, taken, pool)) is not None:
                if self._allocate(network, found):
                    return found
        draining = self.count(r.VniAllocation, physical_network=network.physical_network, state=r.AllocationState.DRAINING)
        wait = f"; {draining} come back when every host has forgotten them, or was removed" if draining else ""
        raise RequestError(
            f"Unable to allocate vnet as a part of network {network.name} implement",
            code=533,
            cs_code=4480,
            remedy=f"give its physical network more VNIs with updatePhysicalNetwork vlan={wait}",
        )

    def _pools(self, network: r.Network) -> Iterator[list[Interval]]:
        """Yield what a network's VNI may come from, best first: what is dedicated to its account, then what is dedicated to nobody.

        The second is for accounts without the first, and for others where ``use.system.guest.vlans`` lets them
        (DataCenterDaoImpl.allocateVnet).
        """
        dedicated = self.all(r.DedicatedRange, physical_network=network.physical_network)
        own = [(one.start, one.end) for one in dedicated if one.account == network.account]
        if own:
            yield own
        if not own or self.setting_bool("use.system.guest.vlans", account=network.account):
            ranges = self.all(r.VniRange, physical_network=network.physical_network)
            yield gaps.subtract([(one.start, one.end) for one in ranges], [(one.start, one.end) for one in dedicated])

    def _allocate(self, network: r.Network, vni: int) -> bool:
        """Insert the allocation; False if another transaction has it (the constraint has the last word)."""
        row = r.VniAllocation(
            zone=network.zone, vni=vni, physical_network=network.physical_network, network=network.id, account=network.account
        )
        return self.add_if_free(row)

    def release_vni(self, network_id: str) -> None:
        """Take a network's VNI away. It returns to the pool when no host believes in it any more.

        Raises :class:`RequestError` 536 while a NIC of it is bound. Without a VNI nothing happens.
        """
        network = self.get(r.Network, network_id)
        if network is None or network.vni is None:
            return
        if self.segment_hosts(network.id):
            raise RequestError(f"network {network.name} has NICs on hosts", code=536, cs_code=4375, remedy="stop their VMs first")
        self._gone_segment(network)
        allocation = self.one(r.VniAllocation, zone=network.zone, vni=network.vni)
        if allocation is not None:
            self.update(r.VniAllocation, allocation.id, state=r.AllocationState.DRAINING, release_revision=PENDING)
            self._stamp(network.zone, r.VniAllocation, "release_revision", allocation.id)
        self.update(r.Network, network.id, vni=None)
        if self.count(r.Belief, zone=network.zone, kind=[r.BeliefKind.SEGMENT, r.BeliefKind.HELD], key=str(network.vni)) == 0:
            self.delete_where(r.VniAllocation, zone=network.zone, vni=network.vni)

    def add_if_free(self, row: object) -> bool:
        """Insert a row; False if a unique constraint refuses it. The transaction goes on either way."""
        try:
            with self.connection.begin_nested():
                self.add(row)
        except RequestError as error:
            if isinstance(error.__cause__, IntegrityError) and is_clash(error.__cause__):
                return False
            raise
        return True
