"""Makes the steps of one host. Pure."""

from __future__ import annotations

from vxloom.doctor.evidence import Process
from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.story import Standing, Step


class At:
    """One host, of which steps are made."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight

    def ok(self, place: str, seen: str) -> Step:
        """Return a step where all is well."""
        return Step(host=self.sight.host, place=place, standing=Standing.OK, seen=seen)

    def unknown(self, place: str, seen: str, remedy: str = "") -> Step:
        """Return a step of which nothing can be told."""
        return Step(host=self.sight.host, place=place, standing=Standing.UNKNOWN, seen=seen, remedy=remedy)

    def impaired(self, place: str, seen: str, remedy: str, code: str = "") -> Step:
        """Return a step where something is lost, but not this pair's packets."""
        return Step(host=self.sight.host, place=place, standing=Standing.IMPAIRED, seen=seen, remedy=remedy, code=code)

    def broken(self, place: str, seen: str, remedy: str, code: str = "") -> Step:
        """Return a step beyond which nothing comes."""
        return Step(host=self.sight.host, place=place, standing=Standing.BROKEN, seen=seen, remedy=remedy, code=code)

    def repair(self, *names: str, wanted: bool = True) -> str:
        """Return what to do so that something of ours becomes as it should be.

        ``names``: its own and those of what it stands on; ``wanted``: the host was told of it.
        """
        sight = self.sight
        obstacle = next((sight.obstacles[name] for name in names if name in sight.obstacles), "")
        if obstacle:
            return f"{obstacle}: take that away"
        if sight.agent is Process.FROZEN:
            return f"the agent of {sight.host} is frozen: systemctl restart vxloom-agent there; it puts this right at once"
        if sight.agent is Process.GONE:
            return f"no agent runs on {sight.host}: systemctl start vxloom-agent there; it puts this right at once"
        if not wanted and sight.holding:
            return f"{sight.host} is holding ({sight.holding}): vxloom host confirm {sight.host}"
        if not wanted:
            return f"{sight.host} was not told of it: vxloom plan {sight.host}; see that its agent reaches the server"
        return f"the running agent puts it right within a second: ask again; if it stays: vxloom plan {sight.host}"
