"""One look at everything, what is news, and a look that hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.hardware.tree import Tree
from tests.waiting import wait_until
from vxloom.agent.hardware import HardwareWatch
from vxloom.agent.hardware.optics import OpticsReader
from vxloom.agent.hardware.watch import STALE
from vxloom.model.hardware import Hardware, Link, Sensor


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.link("vx0x", card="0000:03:00.0")
    tree.chip(0, "lm75", "0-0048", temp1_input=41000)
    tree.snmp()
    return tree


def watch_of(tree: Tree, *devices: str, every: float = 10.0) -> HardwareWatch:
    file = tree.folder / "hardware.json"
    return HardwareWatch(lambda: devices, file, sys=tree.sys, proc=tree.proc, reader=OpticsReader("/bin/false"), every=every)


def test_a_look_is_all_that_is_there_with_rates_and_what_was_before(tree: Tree) -> None:
    watch = watch_of(tree, "vx0x")
    first = watch.look(100.0)
    assert first == Hardware((Sensor("lm75 (0-0048)", 41),), (Link("vx0x", True, speed=10000, best=10000),))
    tree.count("vx0x", rx_errors=50, tx_dropped=20)
    tree.write("sys/class/net/vx0x/speed", 1000)
    tree.snmp(reassembled=1000, failed=10)
    later = watch.look(110.0)
    assert later.links == (Link("vx0x", True, speed=1000, best=10000, errors=5.0, drops=2.0),)
    assert (later.fragments, later.failures) == (100.0, 1.0)


def test_a_card_that_is_pulled_is_gone_from_the_next_look(tree: Tree) -> None:
    watch = watch_of(tree, "vx0x")
    watch.look(100.0)
    tree.sys.rename(tree.folder / "away")
    assert watch.look(110.0) == Hardware()
    (tree.folder / "away").rename(tree.sys)
    assert [link.name for link in watch.look(120.0).links] == ["vx0x"]


def test_only_what_changed_is_news_and_a_new_stream_is_told_all(tree: Tree) -> None:
    watch = watch_of(tree, "vx0x")
    assert watch.news() is None
    first = watch.look()
    assert watch.news() == first
    assert watch.news() == first, "as long as nobody has told it"
    watch.told(first)
    watch.look()
    assert watch.news() is None
    tree.write("sys/class/hwmon/hwmon0/temp1_input", 42000)
    watch.look()
    assert watch.news() == watch._latest != first
    watch.told(watch._latest)
    watch.told(None)
    assert watch.news() == watch._latest


@pytest.fixture
def hung(tree: Tree) -> Iterator[Path]:
    """A sensor whose reading does not end: a pipe that nobody writes to."""
    file = tree.sys / "class" / "hwmon" / "hwmon0" / "temp1_input"
    file.unlink()
    os.mkfifo(file)
    yield file
    os.close(os.open(file, os.O_RDWR | os.O_NONBLOCK))  # the thread's pipe ends: let it go


def test_a_look_that_hangs_keeps_nobody_waiting_and_is_said(tree: Tree, hung: Path) -> None:
    watch = watch_of(tree, "vx0x", every=3600)
    watch.start()
    wait_until(lambda: watch._doing == "reading sensors", "the look hangs")
    before = time.monotonic()
    assert watch.news() is None
    told = watch.news(time.monotonic() + STALE + 1)
    assert told == Hardware(unread="reading sensors has not ended for 45 s")
    watch.told(told)
    assert watch.news(time.monotonic() + STALE + 60) is None, "it is said once"
    watch.stop()
    assert time.monotonic() - before < 1
    assert hung.is_fifo()


def test_a_defect_ends_one_look_and_not_the_watch(tree: Tree) -> None:
    answers = iter([ValueError("a defect"), ("vx0x",)])

    def underlay() -> tuple[str, ...]:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    file = tree.folder / "hardware.json"
    watch = HardwareWatch(underlay, file, sys=tree.sys, proc=tree.proc, reader=OpticsReader("/bin/false"), every=0.01)
    watch.start()
    wait_until(lambda: watch.news() is not None, "the second look")
    watch.stop()
