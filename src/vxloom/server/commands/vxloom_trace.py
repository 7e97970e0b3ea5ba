"""vxloomTrace."""

from __future__ import annotations

from vxloom.compiler.trace import follow
from vxloom.server import pairs
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one


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
            here = pairs.machine(rx, call.arguments, "from")
            there = pairs.machine(rx, call.arguments, "to")
            if here.zone != there.zone:
                text = f"{here.name} and {there.name} are in two zones: no segment spans zones\n"
                return one("trace", {"arrives": False, "text": text})
            mine, its = pairs.nics(rx, here, there)
            intent = rx.intent({mine.network, its.network}, zone=here.zone)
        story = follow(intent, mine.id, its.id)
        return one("trace", {"arrives": story.reached, "text": str(story)})
