"""Law 6 for any sequence of words: no port leaves a host's belief but by a tombstone of the history it knows, or by a person."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.words import NICS, document, port, segment
from vxloom.agent import held as rules
from vxloom.agent.held import Held
from vxloom.model.host import decode_ports

NUMBERS = range(1, 6)


@dataclass
class Store:
    """What one database says of the host. ``history`` grows; a restored store is another one that shares its beginning."""

    epoch: str
    revision: int = 0
    ports: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    nonces: dict[int, str] = field(default_factory=dict)

    def change(self, ports: set[int], *, lose: bool) -> None:
        self.revision += 1
        self.gone = (self.gone | (set() if lose else self.ports - ports)) - ports
        self.ports = ports
        self.nonces[self.revision] = f"{self.epoch}-{id(self)}-{self.revision}"

    def knows(self, held: Held) -> bool:
        return held.epoch == self.epoch and (held.revision == 0 or self.nonces.get(held.revision) == held.nonce)


STEP = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 2), st.sets(st.sampled_from(NUMBERS)), st.booleans()),
    st.tuples(st.just("meet"), st.integers(0, 2)),
    st.tuples(st.just("document"), st.none()),
    st.tuples(st.just("table"), st.none()),
    st.tuples(st.just("current"), st.none()),
    st.tuples(st.just("confirm"), st.none()),
    st.tuples(st.just("restart"), st.none()),
)


def nics(held: Held) -> set[str]:
    word = held.effective().document
    return {one.nic for one in decode_ports(word)[0]} if word else set()


def said(store: Store):
    return document(
        *(port(n) for n in sorted(store.ports)),
        revision=store.revision,
        epoch=store.epoch,
        gone_ports=tuple(NICS[n] for n in sorted(store.gone)),
    )


@given(st.lists(STEP, max_size=30))
def test_no_port_is_withdrawn_by_accident(steps):
    stores = [Store("e1"), Store("e1"), Store("e2")]
    stores[0].change({1, 2}, lose=False)
    stores[1].revision, stores[1].nonces, stores[1].ports = stores[0].revision, dict(stores[0].nonces), {1, 2}
    held, at = Held(), stores[0]
    held = rules.welcomed(held, at.epoch, lineage=True)
    for what, *details in steps:
        before, trusted = nics(held), held.base is None
        excused: set[str] = set()
        match what:
            case "change":
                stores[details[0]].change(details[1], lose=details[2])
            case "meet":
                at = stores[details[0]]
                held = rules.welcomed(held, at.epoch, lineage=at.knows(held))
            case "document":
                held = rules.documented(held, said(at))
                excused = {NICS[n] for n in at.gone} if trusted else set()
            case "table":
                held = rules.tabled(held, segment(5001, dict.fromkeys(at.ports, 1), at.revision))
            case "current":
                held = rules.reached(held, at.revision, at.nonces.get(at.revision, ""))
            case "restart":
                held = replace(held, heard=(0, ""))  # all else is on disk (tests/unit/agent/test_statefile.py)
            case "confirm":
                held = rules.confirmed(held, at.epoch)
                if held.said.document is not None:
                    assert held.effective() == held.said, "after a confirmation the server's word counts, no more and no less"
                    assert not held.holding
                    continue
        assert nics(held) >= before - excused
        assert bool(held.holding) == (held.base is not None)
