"""The driver of allow lists: our nftables table of who may exchange VXLAN packets with this host.

Every batch is one nft transaction: a VNI is never enforced without its VTEPs, and rules that change have no gap. Elements are read and
written by netlink as columns: ten thousand in 5 and 10 ms, where libnftables needs 50 and 100 (measured).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vxloom.dataplane import marks
from vxloom.dataplane.allow_rules import COUNTER, KEY_SIZES, TABLE, Lists, changes, commands, lists_of, rules
from vxloom.dataplane.nfnetlink import NFPROTO_INET, Nfnetlink
from vxloom.dataplane.nft import Nft
from vxloom.errors import VxloomError
from vxloom.model.filters import ALLOW_VERSION
from vxloom.model.state import AllowList, AllowTable, HostState, Key, Resource
from vxloom.planner.plan import ALL, Operation, ResourceStep, Scope, Step

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _Listing:
    """Our table as read under one generation of the ruleset."""

    generation: int
    table: AllowTable | None
    lists: Lists = field(default_factory=Lists)


class AllowLists:
    """The table of the network namespace it is first used in. For one thread."""

    kinds = frozenset({AllowTable.kind, AllowList.kind})

    def __init__(self) -> None:
        """Load the library and open the socket. Raises ``ConfigError`` or ``DataplaneError``."""
        self._nft = Nft()
        self._nfnetlink = Nfnetlink()
        self._listing: _Listing | None = None

    def close(self) -> None:
        """Give back the context and the socket."""
        self._nft.close()
        self._nfnetlink.close()

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return the table and the lists (of the scope's VNIs). Raises ``DataplaneError``."""
        listing = self._list()
        if listing.table is None:
            return HostState()
        resources: dict[Key, Resource] = {listing.table.key: listing.table}
        there = listing.lists.all()
        for vni in sorted(there if scope.vnis is None else there & scope.vnis):
            one = listing.lists.of(vni, listing.table.udp_port)
            resources[one.key] = one
        return HostState(resources=resources)

    def apply(self, steps: Sequence[Step], urgent: Callable[[], None] = lambda: None) -> list[str]:
        """Carry out steps on the table and on lists in one transaction; if that is refused, one by one. One error text each."""
        try:
            self._transact(steps)
        except VxloomError as error:
            if len(steps) == 1:
                return [str(error)]
            return [self.apply([step])[0] for step in steps]
        return [""] * len(steps)

    def counters(self) -> dict[str, int]:
        """Return how many packets of strangers were dropped. Raises ``DataplaneError``."""
        return {COUNTER: self._nfnetlink.counters(TABLE, NFPROTO_INET).get(COUNTER, 0)}

    # ----------------------------------------------------------------------------------------------------------- reading

    def _list(self) -> _Listing:
        """Return the table, from the kernel unless its generation says that nothing changed since it was last read."""
        for _ in range(_TRIES):
            generation = self._nfnetlink.generation()
            if self._listing is not None and self._listing.generation == generation:
                return self._listing
            self._listing = self._read(generation)
            if self._nfnetlink.generation() == generation:
                break
        assert self._listing is not None  # noqa: S101 - the loop ran
        return self._listing

    def _read(self, generation: int) -> _Listing:
        structure = self._nfnetlink.structure(TABLE, NFPROTO_INET)
        if not structure:
            return _Listing(generation, None)
        sets = {name: self._nfnetlink.set_keys(TABLE, name, size, NFPROTO_INET) for name, size in KEY_SIZES.items()}
        lists = lists_of(sets)
        return _Listing(generation, _table(structure, strange=lists.strange), lists)

    # ----------------------------------------------------------------------------------------------------------- writing

    def _transact(self, steps: Sequence[Step]) -> None:
        listing = self._list()
        table: ResourceStep | None = None
        wanted: dict[int, AllowList | None] = {}
        for step in steps:
            if not isinstance(step, ResourceStep):
                raise TypeError(f"step {step.key} is not about an allow list")
            if step.key[0] == AllowTable.kind:
                table = step
            else:
                wanted[int(step.key[1])] = step.after if isinstance(step.after, AllowList) else None
        after = listing.lists.changed(wanted)
        if table is None:
            self._nfnetlink.change_elements(TABLE, NFPROTO_INET, changes(listing.lists, after, wanted))
        elif isinstance(table.after, AllowTable) and table.operation is not Operation.DELETE:
            self._make(table.after.udp_port, after)
        elif listing.table is not None:
            self._nft.run(f"delete table inet {TABLE}")

    def _make(self, port: int, lists: Lists) -> None:
        """Put the rules in place of whatever table of this name there is, with all lists, in one transaction; then mark them."""
        fill = commands(changes(Lists(), lists, lists.all()))
        self._nft.run("\n".join((f"add table inet {TABLE}", f"delete table inet {TABLE}", rules(port), fill)))
        # Dying between the two leaves good rules without a mark: they are made again.
        digest, _ = _digest(self._nfnetlink.structure(TABLE, NFPROTO_INET))
        self._nft.run(f"add chain inet {TABLE} {marks.PREFIX}{ALLOW_VERSION}_{port}_{digest}")


def _table(structure: Sequence[tuple[str, ...]], *, strange: bool) -> AllowTable:
    """Return the table by its mark, which holds version, port and digest; another one if it was altered."""
    digest, found = _digest(structure)
    match = re.fullmatch(rf"{marks.PREFIX}(\w+)_(\d+)_{digest}", found[0]) if len(found) == 1 else None
    return AllowTable(int(match[2]), ruleset=match[1]) if match and not strange else AllowTable(0, ruleset=f"altered-{digest}")


def _digest(structure: Sequence[tuple[str, ...]]) -> tuple[str, list[str]]:
    """Return a digest of the rules, and the marks among the chains, which are no part of it."""
    prefix = marks.PREFIX.encode().hex()
    found = [bytes.fromhex(each[1]).rstrip(b"\0").decode() for each in structure if each[0] == "chain" and each[1].startswith(prefix)]
    rules = [each for each in structure if each[0] != "chain" or not each[1].startswith(prefix)]
    return hashlib.blake2b(repr(rules).encode(), digest_size=8).hexdigest(), found
