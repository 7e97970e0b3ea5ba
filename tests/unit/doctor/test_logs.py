"""Known lines are explained; a log may be of any size and hold anything. Samples are of public threads, each named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from vxloom.cli.logs import command
from vxloom.doctor import reading
from vxloom.doctor.check import faults
from vxloom.doctor.logs import SIGNATURES, explain

SAMPLES = {
    # apache/cloudstack issue 4350
    "lock folder missing": "Plug Nic failed due to com.cloud.exception.InternalErrorException: Failed to create vnet 2726: "
    "/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh: line 145: /var/run/cloud/vxlan.lock: No such file or directory",
    # apache/cloudstack issue 9905
    "network device refused": "com.cloud.exception.InternalErrorException: Failed to create vnet 803",
    # apache/cloudstack issue 12043
    "VLAN left over": "modifyvlan.sh -v 18 -p bond1 -o add ] encountered the error: [Error: 8021q: VLAN device already exists.",
    # apache/cloudstack issue 5071
    "VXLAN isolation ignored": "VLAN requested but URI is not in the expected format",
    # apache/cloudstack issue 5077
    "script and agent differ": "/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh: illegal option -- dUsage:",
    # apache/cloudstack-docs pull request 22, pali/igmpproxy issue 30
    "multicast groups used up": "MRT_ADD_MEMBERSHIP failed; Errno(105): No buffer space available",
    # e-rave.nl/kernel-neighbour-table-overflow
    "neighbour table full": "Apr 17 15:22:42 uma kernel: [12562.837562] Neighbour table overflow.",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_line_of_a_public_thread_is_known(name: str) -> None:
    (found,) = explain("agent.log", ["nothing of interest", SAMPLES[name], SAMPLES[name]])
    assert (found.name, found.count) == (name, 2)
    assert found.meaning
    assert found.remedy


def test_findings_that_lines_point_at_exist() -> None:
    assert {each.code for each in SIGNATURES} - {""} <= faults().keys()


def test_only_the_end_of_a_large_file_is_read_and_binary_is_no_obstacle(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    with log.open("wb") as file:
        file.write(b"Neighbour table overflow.\n")
        file.seek(1 << 30)  # a gigabyte, of which nothing is on the disk
        file.write(b"\n" + os.urandom(4096) + b"\xff\xfe\nError: nf_conntrack: table full, dropping packet\n")
    assert [one.name for one in explain("log", reading.tail(log))] == ["connection tracking full"]


def test_a_log_is_explained_on_the_command_line(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text(SAMPLES["VLAN left over"] + "\n")
    done = CliRunner().invoke(command, [str(log)])
    assert done.exit_code == 1
    assert "VLAN left over: 1 in" in done.output
    log.write_text("all is well\n")
    assert CliRunner().invoke(command, [str(log)]).exit_code == 0


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "missing.log")])
    assert "cannot read" in str(done.exception)
