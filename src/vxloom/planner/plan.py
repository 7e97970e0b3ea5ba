"""A plan: what apply would do, in order, and why. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vxloom.model.state import Foreign, Key, Resource, SegmentRows, Slot


class Operation(StrEnum):
    """What a step does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class ResourceStep:
    """One resource from ``before`` (None: create) to ``after`` (None: delete)."""

    operation: Operation
    before: Resource | None
    after: Resource | None
    reason: str

    @property
    def key(self) -> Key:
        """The resource's identity."""
        resource = self.after if self.after is not None else self.before
        if resource is None:
            raise ValueError("a step without a resource")
        return resource.key


@dataclass(frozen=True, slots=True)
class RowsStep:
    """The bulk rows of one VNI: ``put`` replaces or creates, ``drop`` removes. Make before break: puts go first.

    ``put.fdb`` means both halves (VXLAN row and bridge row); ``drop.fdb`` the VXLAN rows of these MACs,
    ``drop.bridged`` the bridge rows. A MAC that moved is in ``put.fdb`` only.
    """

    vni: int
    put: SegmentRows
    drop: SegmentRows
    reason: str

    @property
    def key(self) -> Key:
        """("rows", VNI)."""
        return ("rows", str(self.vni))

    def count(self) -> int:
        """Return how many rows are touched."""
        tables = ("fdb", "bridged", "flood", "neighbours")
        return sum(len(getattr(self.put, t)) + len(getattr(self.drop, t)) for t in tables)


@dataclass(frozen=True, slots=True)
class QuarantineStep:
    """Lock a stray port of one of our bridges: nothing it sends is forwarded or learnt."""

    name: str
    bridge: str
    reason: str

    @property
    def key(self) -> Key:
        """("stray", port name)."""
        return ("stray", self.name)


Step = ResourceStep | RowsStep | QuarantineStep


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A slot we need is held by something foreign: the resource waits, the rest goes on."""

    resource: Key
    slot: Slot
    holder: Foreign


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps. Two equal states give an empty plan."""

    steps: tuple[Step, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    withdrawn: tuple[Key, ...] = ()
    """Bound taps this plan would detach or leave without their segment; the brake counts them."""

    def __bool__(self) -> bool:
        """True when there is something to do."""
        return bool(self.steps)


class Verdict(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """A step it needs failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One step's end. ``error`` is the message of a ``DataplaneError``, with what to do."""

    verdict: Verdict
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What apply did: one result per step, by position in the plan."""

    results: tuple[Result, ...] = ()
    seconds: float = 0.0

    @property
    def failed(self) -> Mapping[int, str]:
        """Position → error of every step that did not get done."""
        return {i: r.error or r.verdict for i, r in enumerate(self.results) if r.verdict is not Verdict.DONE}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a host to look at: everything (``None``), or these VNIs and taps (with their filters)."""

    vnis: frozenset[int] | None = None
    taps: frozenset[str] = field(default_factory=frozenset)

    @property
    def everything(self) -> bool:
        """True for the whole host."""
        return self.vnis is None


ALL = Scope()
