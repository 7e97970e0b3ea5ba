"""Law 1, the pure middle: model, compiler and planner do no input or output, read no clock, write no log.

tests/meta/test_pure_rooms.py reads their imports; here they run, in an interpreter that forbids all of it.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.intents import at, cloud, desired, network, nic
from vxloom.compiler import compile_document, compile_segments
from vxloom.planner import diff, render

FORBID = """
import sys, time, random, secrets, logging, datetime
from dataclasses import replace
from tests.intents import at, cloud, network, nic, nic_id, desired
from vxloom.compiler import compile_document, compile_host, compile_segments
from vxloom.compiler.trace import follow
from vxloom.compiler.validate import validate
from vxloom.model.segment import SegmentTable, apply, changes
from vxloom.model.state import HostState
from vxloom.planner import diff, render, widen
from vxloom.planner.plan import Scope

def middle():
    intent = cloud((network(5001), network(5001)), tuple(nic(n, 5001, at(1 + n % 3), shared=("10.1.1.99",)) for n in range(1, 9)))
    tables = compile_segments(intent)
    table = tables[5001]
    empty = SegmentTable(table.head, 0)
    assert apply(changes(empty, table, "e"), empty, "e") == table
    wanted = compile_host(compile_document(intent, "host-1", 7, {}), tables)
    seen = HostState(present_taps=frozenset(name for kind, name in wanted.resources if kind == "tap"))
    scope = widen(Scope(frozenset({5001})), wanted)
    return [render(diff(wanted, seen)), render(diff(HostState(), wanted, scope=scope)), str(validate(intent)),
            str(follow(intent, nic_id(1, 5001), nic_id(2, 5001)))]

first = middle()  # imports that libraries do late are not the middle's doing
inside = False
def guard(event, arguments):
    if inside and event.split(".")[0] in {"open", "os", "socket", "subprocess", "shutil", "tempfile", "ctypes", "import", "time"}:
        raise AssertionError(f"the middle did {event} {arguments}")
sys.addaudithook(guard)
def clock(*_, **__):
    raise AssertionError("the middle read a clock, drew a number or wrote a log")
for module, names in ((time, ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "sleep")),
                      (random, ("random", "getrandbits", "choice")), (secrets, ("token_hex",)),
                      (logging.Logger, ("_log",))):
    for name in names:
        setattr(module, name, clock)
class Silent:
    def write(self, text):
        raise AssertionError("the middle wrote " + repr(text))
    def flush(self):
        pass
real, sys.stdout, sys.stderr = sys.stdout, Silent(), Silent()
inside = True
second = middle()
{extra}
inside = False
sys.stdout = real
assert first == second
print("pure")
"""


def run(extra: str = "") -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(FORBID).replace("{extra}", extra)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_the_middle_runs_where_nothing_outside_may_be_touched() -> None:
    done = run()
    assert done.stdout == "pure\n", done.stderr


def test_the_guard_sees_a_file_a_clock_and_a_word() -> None:
    for sin in ("open('/dev/null')", "time.time()", "print('x')", "logging.getLogger().error('x')"):
        assert run(sin).returncode != 0, sin


def test_arguments_are_left_as_they_were() -> None:
    intent = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(2))))
    tables = compile_segments(intent)
    before = {vni: table.digest("e") for vni, table in tables.items()}
    document = compile_document(intent, "host-1", 7, {})
    wanted, again = desired(intent), desired(intent)
    assert render(diff(wanted, again)) == render(diff(again, wanted))
    assert {vni: table.digest("e") for vni, table in tables.items()} == before
    assert compile_document(intent, "host-1", 7, {}) == document
    assert wanted.rows == again.rows
