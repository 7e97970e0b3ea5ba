"""The filter driver: our nftables table and the filters of ports in its sets.

Every batch is one nft transaction: all ports of a plan come into force at once, and a filter that changes has no gap.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vxloom.dataplane import marks
from vxloom.dataplane.nfnetlink import Nfnetlink, name_of
from vxloom.dataplane.nft import Nft
from vxloom.dataplane.ruleset import (
    COUNTERS,
    ECHOES,
    ENTERED,
    LEFT,
    LIMITS,
    RAW,
    RULES,
    SETS,
    TABLE,
    Element,
    commands,
    elements_of,
    port_of,
    sender,
)
from vxloom.errors import DataplaneError, VxloomError
from vxloom.model.addresses import format_mac
from vxloom.model.filters import RULESET_VERSION
from vxloom.model.state import FilterTable, HostState, Key, PortFilter, Resource
from vxloom.planner.plan import ALL, Operation, ResourceStep, Scope, Step

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _Listing:
    """Our table as listed under one generation of the ruleset."""

    generation: int
    ruleset: str | None
    """As in :class:`FilterTable`; None: there is no such table."""
    ports: Mapping[str, frozenset[Element]] = field(default_factory=dict)
    """Tap → its elements."""
    filters: Mapping[str, PortFilter] = field(default_factory=dict)
    """Tap → what they make."""


@dataclass(slots=True)
class _Unicast:
    """Unicast frames that reached no port, over tables made anew."""

    earlier: int = 0
    missed: int = 0
    seen: int = 0

    def total(self, entered: int, missed: int) -> int:
        """Take a reading; return a number that never falls."""
        if entered < self.seen:  # the table was made anew
            self.earlier, self.missed = self.earlier + self.missed, 0
        self.seen = entered
        self.missed = max(self.missed, missed)
        return self.earlier + self.missed


class NfTables:
    """The nftables table of the network namespace it is first used in. For one thread."""

    kinds = frozenset({FilterTable.kind, PortFilter.kind})

    def __init__(self) -> None:
        """Load the library and open the socket. Raises ``ConfigError`` or ``DataplaneError``."""
        self._nft = Nft()
        self._nfnetlink = Nfnetlink()
        self._listing: _Listing | None = None
        self._unicast = _Unicast()

    def close(self) -> None:
        """Give back the context and the socket."""
        self._nft.close()
        self._nfnetlink.close()

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return the table and the filters (of the scope's taps). Raises ``DataplaneError``."""
        listing = self._list()
        if listing.ruleset is None:
            return HostState()
        table = FilterTable(name=TABLE, ruleset=listing.ruleset)
        resources: dict[Key, Resource] = {table.key: table}
        for tap in sorted(listing.ports.keys() if scope.everything else listing.ports.keys() & scope.taps):
            port = listing.filters[tap]
            resources[port.key] = port
        return HostState(resources=resources)

    def apply(self, steps: Sequence[Step], urgent: Callable[[], None] = lambda: None) -> list[str]:
        """Carry out steps on the table and on filters in one transaction; if that is refused, one by one. One error text each."""
        try:
            self._transact(steps)
        except VxloomError as error:
            if len(steps) == 1:
                return [str(error)]
            return [self.apply([step])[0] for step in steps]
        return [""] * len(steps)

    def counters(self) -> dict[str, int]:
        """Return drops by reason, ``unknown_unicast`` among them (never falling while this driver lives). Raises ``DataplaneError``.

        Where a port was over its limit, ``storm TAP`` says how often since it has that limit.
        """
        drops = self._nfnetlink.counters(TABLE)
        found = self._nfnetlink.rule_counters(TABLE)
        again = self._nfnetlink.rule_counters(TABLE)
        # A frame between its two counters at the moment of reading looks missed; at the next reading it is another one, if any.
        entered = [sum(each.get(chain, 0) for chain in ENTERED) for each in (found, again)]
        left = [sum(each.get(chain, 0) for chain in LEFT) for each in (found, again)]
        missed = min(entered[0] - left[0], entered[1] - left[1])
        unknown = {"unknown_unicast": self._unicast.total(entered[0], missed)}
        by_port = {f"storm {tap}": count for tap, count in self.storms().items() if count} if drops.get("storm") else {}
        return {name: drops.get(name, 0) for name in COUNTERS} | unknown | by_port

    def storms(self) -> dict[str, int]:
        """Return tap → frames dropped because they were over its limit, since it has that limit. Raises ``DataplaneError``."""
        return {name_of(key): count for key, count in self._nfnetlink.element_counters(TABLE, LIMITS).items()}

    def echoes(self) -> dict[tuple[str, str], int]:
        """Return (tap, MAC) → frames that came in lately at the tap under that MAC, which is not its own. Raises ``DataplaneError``."""
        found = self._nfnetlink.element_counters(TABLE, ECHOES)
        return {(name_of(key), format_mac(int.from_bytes(key[16:22], "big"))): count for key, count in found.items()}

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
        try:
            output = self._nft.run(f"list table bridge {TABLE}", json=True)
        except DataplaneError as error:
            if error.errno == errno.ENOENT:
                return _Listing(generation, None)
            raise
        objects = marks.decode(output)
        ports: dict[str, set[Element]] = {}
        for each in objects:
            for kind in ("set", "map"):
                if kind in each:
                    for element in _elements(str(each[kind]["name"]), each[kind].get("elem", [])):
                        ports.setdefault(element.tap, set()).add(element)
        frozen = {tap: frozenset(elements) for tap, elements in ports.items()}
        filters = {tap: port_of(tap, elements) for tap, elements in frozen.items()}
        return _Listing(generation, marks.identity(objects, RULESET_VERSION), frozen, filters)

    # ----------------------------------------------------------------------------------------------------------- writing

    def _transact(self, steps: Sequence[Step]) -> None:
        listing = self._list()
        ports = dict(listing.ports)
        table: ResourceStep | None = None
        for step in steps:
            if not isinstance(step, ResourceStep):
                raise TypeError(f"step {step.key} is not about a filter")
            if step.key[0] == FilterTable.kind:
                table = step
            elif isinstance(step.after, PortFilter):
                ports[step.key[1]] = elements_of(step.after)
            else:
                ports.pop(step.key[1], None)
        before = frozenset(element for elements in listing.ports.values() for element in elements)
        after = frozenset(element for elements in ports.values() for element in elements)
        if table is None:
            self._change(before, after)
        elif table.operation is Operation.DELETE:
            if listing.ruleset is not None:
                self._nft.run(f"delete table bridge {TABLE}")
        else:
            self._make(after)

    def _change(self, before: frozenset[Element], after: frozenset[Element]) -> None:
        gone, new = before - after, after - before
        # A key of a map has one value, one of storms one limit: to change it, it goes and comes within the transaction.
        first = frozenset(element for element in gone if element.set in {"ports", LIMITS})
        script = "\n".join(filter(None, (commands("delete", first), commands("add", new), commands("delete", gone - first))))
        if script:
            self._nft.run(script)

    def _make(self, elements: frozenset[Element]) -> None:
        """Put the rules in place of whatever table of this name there is, with all elements, in one transaction; then mark them."""
        self._nft.run("\n".join((f"add table bridge {TABLE}", f"delete table bridge {TABLE}", RULES, commands("add", elements))))
        # Dying between the two leaves good rules without a mark: they are made again.
        listed = marks.decode(self._nft.run(f"list table bridge {TABLE}", json=True))
        self._nft.run(f"add chain bridge {TABLE} {marks.mark(listed, RULESET_VERSION)}")


def _elements(name: str, listed: object) -> list[Element]:
    """Return a listed set's elements; raises ``DataplaneError`` for a shape nft 1.0.6 and later do not give."""
    if name not in SETS or not isinstance(listed, list):
        return []
    found: list[Element] = []
    for item in listed:
        told = item.get("elem", {}) if isinstance(item, dict) else {}
        key = told.get("val", item)
        match key:
            case str() if name == "taps":
                found.append(Element(name, key, ""))
            case str() if name == LIMITS:
                found.append(Element(name, key, _limit(told.get("limit"))))
            case [{"concat": [str() as tap, str() as mac]}, dict() as verdict] if name == "ports":
                goto = verdict.get("goto") or verdict.get("jump") or {}
                found.append(Element(name, tap, mac, str(goto.get("target", next(iter(verdict), "")))))
            case {"concat": [str() as tap, str() as mac, str() as ip]} if name == "senders" and ":" in mac:  # rules before version 6
                found.append(Element(name, tap, sender(mac, ip)))
            case {"concat": [str() as tap, *values]} if name in RAW:
                numbers = [int(value, 0) if isinstance(value, str) else value for value in values]
                found.append(Element(name, tap, " . ".join(f"{number:#x}" for number in numbers)))
            case {"concat": [str() as tap, value]}:
                found.append(Element(name, tap, str(value)))
            case _:
                raise DataplaneError(f"nftables set {name}", "read", errno.EPROTO, f"unexpected element {item!r}")
    return found


def _limit(listed: object) -> str:
    """Return the frames a second of a limit of ours; of another what it looks like."""
    rate = listed.get("rate", 0) if isinstance(listed, dict) else 0
    ours = {"rate": rate, "burst": rate, "per": "second", "inv": True}
    return str(rate) if listed == ours else repr(listed)
