"""tcpdump in a real namespace: what arrives, within its bounds, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests import captures as made
from tests.kernel.frames import Cable
from tests.kernel.netns import Netns
from tests.meta.tree import SOURCE
from tests.waiting import wait_until
from vxloom.agent.captures import Captures, prepared
from vxloom.capture.decode import decode
from vxloom.dataplane.capture import Capture, tcpdump
from vxloom.errors import ConfigError, StateError
from vxloom.model.capture import HERE, Captured, CaptureOrder, Known
from vxloom.settings import AgentSettings


@pytest.fixture
def wire(netns: Netns) -> Iterator[Cable]:
    """The far end of `underlay`."""
    netns.run("ip", "link", "add", "underlay", "type", "veth", "peer", "name", "fabric")
    for link in ("fabric", "underlay"):
        netns.run("ip", "link", "set", link, "up")
    with Cable("fabric") as cable:
        yield cable


class Running:
    """A capture that has begun, in a thread of this namespace."""

    def __init__(self, netns: Netns, order: CaptureOrder) -> None:
        self.capture = Capture(order, "underlay", Known())
        self._begun = threading.Event()
        self._pool = ThreadPoolExecutor(1)

        def run() -> Captured:
            with netns.entered():
                return self.capture.run(lambda _: self._begun.set())

        self.result: Future[Captured] = self._pool.submit(run)
        assert self._begun.wait(10)

    def end(self) -> Captured:
        """Stop it, and return what there is."""
        self.capture.stop()
        return self.result.result(20)


def test_tunnel_packets_are_captured_and_nothing_else(netns: Netns, wire: Cable) -> None:
    running = Running(netns, CaptureOrder(seconds=60, packets=2))
    wire.send(made.tunnel(), made.PING, made.tunnel(vni=7))
    captured = running.result.result(20)  # it ends by itself with the second
    assert (captured.packets, captured.ended, captured.dropped, captured.device) == (2, "packets", 0, "underlay")
    assert [packet.vni for packet in decode(captured.pcap, frozenset({4789}), 10).packets] == [made.VNI, 7]


def test_it_ends_in_time_though_nothing_comes(netns: Netns, wire: Cable) -> None:
    start = time.monotonic()
    captured = Running(netns, CaptureOrder(seconds=0.2)).result.result(20)
    assert (captured.packets, captured.ended) == (0, "seconds")
    assert time.monotonic() - start < 10


def test_size_keeps_the_newest_and_snap_the_beginnings(netns: Netns, wire: Cable) -> None:
    sent = [made.tunnel(made.inner(port, size=800)) for port in range(1000, 1100)]
    running = Running(netns, CaptureOrder(seconds=60, size=4096, snap=128, packets=100))
    wire.send(*sent)
    captured = running.result.result(20)
    assert len(captured.pcap) <= 24 + 4096
    assert captured.packets == 4096 // (16 + 128)
    assert captured.packets + captured.pushed_out == 100
    found = decode(captured.pcap, frozenset({4789}), 1000).packets
    assert found[-1].inner is not None
    assert found[-1].inner.source_port == 1099
    assert not found[-1].whole


def test_the_file_is_read_by_others_too(netns: Netns, wire: Cable, tmp_path: Path) -> None:
    running = Running(netns, CaptureOrder(seconds=60, packets=3))
    wire.send(*[made.tunnel()] * 3)
    file = tmp_path / "file.pcap"
    file.write_bytes(running.result.result(20).pcap)
    assert netns.run("tcpdump", "-n", "-r", str(file)).count("vni 5001") == 3


def test_stopping_ends_it_with_what_there_is_and_leaves_no_process(netns: Netns, wire: Cable) -> None:
    running = Running(netns, CaptureOrder(seconds=600))
    wire.send(made.tunnel())
    wait_until(lambda: running.capture.packets == 1, "it is captured")
    captured = running.end()
    assert (captured.packets, captured.ended) == (1, "interrupted")
    assert "tcpdump" not in netns.run("ps", "-o", "comm=", "--ppid", str(os.getpid()))


def test_a_device_that_goes_away_ends_it_and_is_told(netns: Netns, wire: Cable) -> None:
    running = Running(netns, CaptureOrder(seconds=60))
    wire.send(made.tunnel())
    wait_until(lambda: running.capture.packets == 1, "it is captured")
    netns.run("ip", "link", "del", "underlay")
    captured = running.result.result(20)
    assert captured.packets == 1
    assert captured.ended not in {"seconds", "packets", "interrupted"}


def test_what_the_kernel_dropped_is_counted_as_tcpdump_tells_it(netns: Netns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(made.pcap(made.tunnel()))
    program = tmp_path / "tcpdump"
    said = "tcpdump: listening on x\n1 packet captured\n7 packets dropped by kernel\n1 packet dropped by interface"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/file\necho '{said}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    captured = Capture(CaptureOrder(), "x", Known()).run()
    assert (captured.packets, captured.dropped, captured.ended) == (1, 8, "packets")


def test_a_tcpdump_that_hangs_or_writes_something_else_does_not_keep_anybody(
    netns: Netns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "tcpdump"
    program.write_text("#!/bin/sh\ntrap '' INT\necho listening on x >&2\nwhile :; do sleep 1; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tcpdump, "_ENDING", 0.3)
    captured = Capture(CaptureOrder(seconds=0.2), "x", Known()).run()
    assert (captured.packets, captured.ended) == (0, "seconds")
    program.write_text("#!/bin/sh\nhead -c 1000 /dev/zero\n")
    with pytest.raises(StateError, match="no pcap"):
        Capture(CaptureOrder(), "x", Known()).run()


@pytest.mark.parametrize("device", ["nowhere", "any "])
def test_where_it_cannot_be_captured_is_said(netns: Netns, device: str) -> None:
    with pytest.raises(ConfigError, match=r"nowhere|device"):
        prepared(AgentSettings(state_dir=Path("/nonexistent")), CaptureOrder(device=device), HERE).run()


def test_an_agent_keeps_to_its_own_bounds_and_stops_when_it_ends(netns: Netns, wire: Cable, tmp_path: Path) -> None:
    captures = Captures(AgentSettings(state_dir=tmp_path))
    for wrong in (b'{"seconds": 100}', b'{"size": 99999999}', b'{"filter": "tcp"}', b"x", b""):
        with pytest.raises(ConfigError):
            captures.capture(wrong)
    with ThreadPoolExecutor(1) as pool:

        def run() -> bytes:
            with netns.entered():
                return captures.capture(msgspec.json.encode(CaptureOrder(seconds=60, device="underlay")))

        answer = pool.submit(run)
        wait_until(lambda: "tcpdump" in netns.run("ps", "-o", "comm=", "--ppid", str(os.getpid())), "it captures")
        captures.close()
        told = msgspec.json.decode(answer.result(20), type=Captured)
    assert told.ended == "interrupted"


def test_the_agent_s_unit_leaves_it_the_rights_that_tcpdump_gives_up(netns: Netns, wire: Cable, tmp_path: Path) -> None:
    unit = (SOURCE / "prepare" / "units" / "vxloom-agent.service").read_text()
    [names] = re.findall(r"^CapabilityBoundingSet=(.+)$", unit, re.MULTILINE)
    bounds = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names.split())])
    words = ["setpriv", f"--bounding-set={bounds}", "--no-new-privs", str(Path(sys.executable).with_name("vxloom")), "capture", "--host"]
    words += ["--device", "underlay", "--packets", "1", "--config", "/dev/null"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said == "capturing on underlay\n"
        wire.send(made.tunnel())
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert " vni 5001 " in out


def test_a_host_that_vxloom_does_not_manage_knows_the_vnis_of_its_devices(netns: Netns, wire: Cable, tmp_path: Path) -> None:
    netns.run("ip", "link", "add", "vx9", "type", "vxlan", "id", "9", "dstport", "8472")
    settings = AgentSettings(state_dir=tmp_path)
    captured = prepared(settings, CaptureOrder(seconds=0.1, device="underlay"), HERE).run()
    assert captured.known == Known(port=8472, segments={9: ()}, members=False)
