"""`vxloom agent --observe` on a real kernel: it tells, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.netns import Netns
from tests.unit.agent.words import document, port, segment
from vxloom.agent import held as rules
from vxloom.agent.held import Held
from vxloom.agent.main import observe
from vxloom.agent.statefile import StateFile
from vxloom.settings import AgentSettings


def everything(netns: Netns, folder: Path) -> tuple[object, ...]:
    """All of the kernel's and the state directory's that could be changed."""
    kernel = [netns.run(*command.split()) for command in ("ip -d link", "ip addr", "bridge fdb", "ip neigh", "nft list ruleset")]
    files = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    return (*kernel, files, folder.exists())


@pytest.fixture
def stock(netns: Netns) -> Netns:
    """A host as CloudStack's own agent leaves it."""
    netns.run("ip", "link", "add", "brvx-5001", "type", "bridge")
    netns.run("ip", "link", "add", "vxlan5001", "type", "vxlan", "id", "5001", "local", "192.0.2.1", "dstport", "8472")
    netns.run("ip", "link", "set", "vxlan5001", "master", "brvx-5001")
    return netns


def told(folder: Path) -> None:
    held = rules.documented(rules.welcomed(Held(), "e1", lineage=True), document(port(1), revision=5))
    StateFile(folder).save(rules.reached(rules.tabled(held, segment(5001, {1: 1, 3: 2}, 5)), 5, "n5"))


def test_on_a_stock_host_it_shows_what_others_made_and_changes_nothing(stock, tmp_path):
    folder = tmp_path / "never-made"
    before = everything(stock, folder)
    state, text = observe(AgentSettings(state_dir=folder))
    assert {"brvx-5001", "vxlan5001"} <= {each.name for each in state.foreign}
    assert not state.resources
    assert "nothing would be done" in text
    assert everything(stock, folder) == before


def test_with_a_word_of_the_server_it_tells_what_it_would_do_and_changes_nothing(netns, tmp_path):
    told(tmp_path)
    before = everything(netns, tmp_path)
    _, text = observe(AgentSettings(state_dir=tmp_path))
    assert "vxlan5001" in text
    assert everything(netns, tmp_path) == before


def test_a_torn_state_is_told_and_left_as_it_is(netns, tmp_path):
    told(tmp_path)
    (tmp_path / "held.bin").write_bytes((tmp_path / "held.bin").read_bytes()[:-3])
    before = everything(netns, tmp_path)
    _, text = observe(AgentSettings(state_dir=tmp_path))
    assert "torn" in text
    assert everything(netns, tmp_path) == before


def test_it_works_where_nftables_is_not_installed(stock, tmp_path, monkeypatch):
    monkeypatch.setattr("vxloom.dataplane.nft._LIBRARY", "libnot-installed.so.1")
    state, text = observe(AgentSettings(state_dir=tmp_path))
    assert "vxlan5001" in {each.name for each in state.foreign}
    assert "filters are not looked at" in text
