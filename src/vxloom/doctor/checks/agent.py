"""Does the agent of this host do its work?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence, Process
from vxloom.doctor.finding import Fault, Finding, Severity

_DRIFT = frozenset(
    {
        "device-missing",
        "device-changed",
        "learning-on",
        "suppression-off",
        "wrong-port",
        "fdb-masked",
        "fdb-missing",
        "fdb-wrong-vtep",
        "fdb-extra",
        "flood-missing",
        "flood-extra",
        "neighbour-missing",
        "neighbour-extra",
        "filters-changed",
        "allow-list-changed",
        "tap-detached",
        "tap-changed",
        "foreign-port",
    }
)
"""What a working agent repairs within a second."""

GONE = Fault(
    code="agent-stopped",
    severity=Severity.ERROR,
    title="the agent does not run",
    meaning="Traffic goes on, but nothing is repaired, no change of the server's arrives, and jobs wait for this host.",
    remedy="systemctl start vxloom-agent; journalctl -u vxloom-agent says why it ended",
    explains=_DRIFT,
)
FROZEN = Fault(
    code="agent-frozen",
    severity=Severity.ERROR,
    title="the agent's process is stopped (SIGSTOP, a debugger, a frozen cgroup)",
    meaning="It looks as if it ran, but does nothing: as for an agent that does not run.",
    remedy="kill -CONT its process (pgrep -f 'vxloom agent' tells its number); systemctl thaw vxloom-agent if its cgroup was frozen",
    explains=_DRIFT,
)
ALONE = Fault(
    code="server-away",
    severity=Severity.WARNING,
    title="the agent has no stream to a management server",
    meaning="Traffic goes on and drift is repaired, but no change of the server's arrives, and jobs wait for this host.",
    remedy="there: systemctl status vxloom-server; here: see that its agent port is reached (`server` in agent.toml)",
)
HOLDING = Fault(
    code="agent-holding",
    severity=Severity.WARNING,
    title="the agent withdraws nothing until a person confirms",
    meaning="The server's word does not continue what it said before (a restored database), or would take away many ports.",
    remedy="look at `vxloom plan HOST`; if what would go may go: vxloom host confirm HOST",
)
DOUBT = Fault(
    code="agent-state-torn",
    severity=Severity.WARNING,
    title="the agent's state on disk cannot be trusted",
    meaning="After a restart without a server this host could not be restored.",
    remedy="nothing by hand: with a server the agent writes it again; look for what tore it (disk full, power failure)",
)
FAULTS = (GONE, FROZEN, ALONE, HOLDING, DOUBT)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Judge the process and what it keeps."""
    if evidence.agent is Process.GONE:
        yield GONE.found("vxloom agent", expected="a running process", seen="none")
    if evidence.agent is Process.FROZEN:
        yield FROZEN.found("vxloom agent", expected="a running process", seen="a stopped one")
    if evidence.no_stream and evidence.agent is Process.RUNS:  # else what it left word of is old
        yield ALONE.found("vxloom agent", expected="a stream", seen=evidence.no_stream)
    if evidence.holding:
        yield HOLDING.found("vxloom agent", expected="not holding", seen=evidence.holding)
    if evidence.doubt:
        yield DOUBT.found("held.bin", expected="whole", seen=evidence.doubt)
