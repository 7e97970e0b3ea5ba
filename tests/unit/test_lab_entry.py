"""How commands, files and faults are put together for nodes."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from vxloom.errors import ConfigError
from vxloom.lab import entry, faults, holder, rootfs, services
from vxloom.lab.control import NodeReport
from vxloom.lab.faults.fault import number
from vxloom.lab.node import Node
from vxloom.lab.topology import NodeSpec
from vxloom.settings import AgentSettings, load


def test_a_node_sees_nothing_of_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VXLOOM_LAB_DIR", "/x")
    monkeypatch.setenv("CLOUDSTACK_KEY", "secret")
    made = entry.environment({"EXTRA": "1"})
    assert "VXLOOM_LAB_DIR" not in made
    assert "CLOUDSTACK_KEY" not in made
    assert made["EXTRA"] == "1"
    assert made["PATH"].split(":")[0] == str(Path(sys.prefix, "bin"))


def test_what_the_code_needs_is_found_and_named_once() -> None:
    found = rootfs.needed_paths()
    here = Path(faults.__file__).resolve()
    assert any(path in here.parents for path in found)
    assert not any(parent in found for path in found for parent in path.parents)


def test_a_reused_process_number_is_not_taken_for_the_node() -> None:
    own = holder.start_time(os.getpid())
    spec = NodeSpec(name="h1", number=1)
    assert Node(NodeReport(spec, os.getpid(), own)).holder == os.getpid()
    with pytest.raises(Exception, match="h1 is gone"):
        _ = Node(NodeReport(spec, os.getpid(), own - 1)).holder


def test_the_agents_file_is_one_the_agent_reads(tmp_path: Path) -> None:
    node = Node(NodeReport(NodeSpec(name="h7", number=7), 1, 1))
    file = tmp_path / "agent.toml"
    file.write_text(services.agent_config(node, "10.200.0.2", {"public net": "eth0"}), encoding="utf-8")
    settings = load(AgentSettings, file, {})
    assert (settings.server, settings.name, settings.vtep) == ("10.200.0.2:8250", "h7", "10.200.7.2")
    assert settings.labels == {"public net": "eth0"}


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_takes_what_its_help_shows(fault: faults.Fault) -> None:
    assert len(inspect.signature(fault.cause).parameters) == 1 + len(fault.arguments)
    assert fault.summary.endswith(".")


def test_the_bad_number_is_named() -> None:
    with pytest.raises(ConfigError, match="'many' is not a VNI"):
        number("many", "a VNI")


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_every_fault_is_in_the_how_to(fault: faults.Fault) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "lab.md"
    typed = " ".join([fault.name, *(argument.replace("|", "\\|") for argument in fault.arguments)])
    assert f"`{typed}`" in page.read_text(encoding="utf-8")
