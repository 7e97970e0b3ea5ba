"""vxloomTrace."""

from __future__ import annotations

from vxloom.compiler.trace import follow
from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import Fold, ReadTransaction, records


class VxloomTrace(Command):
    """Tells where a frame of one machine to another would go, from what is compiled. vxloom's own; sends nothing."""

    name = "vxloomTrace"
    parameters = (
        Parameter("from", Kind.STRING, "the sending machine's id or name", required=True),
        Parameter("to", Kind.STRING, "the receiving machine's id or name", required=True),
    )
    answer = fields("arrives boolean whether the packet comes out at the receiver's tap\ntext string every hop, a line each")
    example = "vxloomTrace from=web1 to=web2"

    def run(self, call: Call) -> Fields:
        """Return the story of a question per address family (ARP, ND) and of the packet itself."""
        with call.read() as rx:
            here = _machine(rx, call.arguments.need("from"), "from")
            there = _machine(rx, call.arguments.need("to"), "to")
            if here.zone != there.zone:
                text = f"{here.name} and {there.name} are in two zones: no segment spans zones\n"
                return one("trace", {"arrives": False, "text": text})
            mine, its = _nics(rx, here, there)
            intent = rx.intent({mine.network, its.network}, zone=here.zone)
        story = follow(intent, mine.id, its.id)
        return one("trace", {"arrives": story.reached, "text": str(story)})


def _machine(rx: ReadTransaction, text: str, parameter: str) -> records.Vm:
    wanted = text.strip()
    found = rx.all(records.Vm, id=wanted) or rx.all(records.Vm, name=Fold(wanted), limit=2)
    if len(found) > 1:
        raise RequestError(f"Several machines are called {wanted[:80]}", remedy="give the id")
    return found[0] if found else owners.fetch(rx, records.Vm, wanted, parameter)


def _nics(rx: ReadTransaction, here: records.Vm, there: records.Vm) -> tuple[records.Nic, records.Nic]:
    """Return one NIC of each: in the first network they share, else the first of each."""
    mine = rx.all(records.Nic, order="position", vm=here.id)
    its = rx.all(records.Nic, order="position", vm=there.id)
    pairs = [(a, b) for a in mine for b in its]
    if not pairs:
        raise RequestError("A machine without a NIC sends and receives nothing")
    return next(((a, b) for a, b in pairs if a.network == b.network), pairs[0])
