"""The lab's promises while it lives: a layer-3 underlay, private files, commands and processes where they belong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.scenarios.labs import alive
from tests.waiting import wait_until
from vxloom.errors import VxloomError
from vxloom.lab import CommandError, Lab, services

# ---------------------------------------------------------------------------------------------------------- underlay


def test_hypervisors_meet_at_layer_three_only(lab: Lab) -> None:
    h1, h2 = lab.node("h1"), lab.node("h2")
    for address in (h2.address, str(h2.spec.address6)):
        answer = h1.run(["ping", "-n", "-c1", "-W2", address]).stdout
        assert "ttl=63" in answer, "one router is crossed"
    assert h2.address not in h1.run(["ip", "neigh"]).stdout
    assert h1.ping(lab.node("mgmt").address)


def test_names_of_nodes_resolve(lab: Lab) -> None:
    assert lab.node("h1").ping("h2")
    assert lab.node("h1").run(["hostname"]).stdout == "h1\n"


def test_the_underlay_carries_its_mtu_and_no_more(lab: Lab) -> None:
    def crosses(size: int) -> bool:
        argv = ["ping", "-n", "-q", "-c1", "-W1", "-M", "do", "-s", str(size - 28), lab.node("h2").address]
        return lab.node("h1").run(argv, check=False).returncode == 0

    assert crosses(lab.spec.mtu)
    assert not crosses(lab.spec.mtu + 1)


# ---------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("directory", ["/etc", "/var", "/var/lib", "/run", "/tmp", "/dev/shm"])
def test_what_a_node_writes_stays_in_the_node(lab: Lab, directory: str) -> None:
    path = Path(directory, f"{lab.spec.name}-mark")
    lab.node("h1").write(path, "mine\n")
    assert lab.node("h1").read(path) == "mine\n"
    assert not path.exists()
    with pytest.raises(CommandError):
        lab.node("h2").read(path)


def test_what_a_node_deletes_or_changes_is_still_there_outside(lab: Lab) -> None:
    before = Path("/etc/passwd").read_bytes()
    lab.node("h1").run(["sh", "-c", "rm /etc/passwd && echo x > /etc/hosts"])
    assert Path("/etc/passwd").read_bytes() == before
    assert lab.node("h2").run(["cat", "/etc/passwd"]).stdout.encode() == before


@pytest.mark.parametrize(
    "path", ["/usr/x", "/root/x", str(Path(__file__).parent / "x"), "/proc/sys/kernel/panic", "/sys/kernel/mm/transparent_hugepage/enabled"]
)
def test_the_rest_of_the_machine_is_read_only(lab: Lab, path: str) -> None:
    written = lab.node("h1").run(["sh", "-c", 'echo 0 > "$1"', "sh", path], check=False)
    assert "Read-only file system" in written.stderr


def test_a_node_configures_its_own_network_stack(lab: Lab) -> None:
    lab.node("h1").run(["sysctl", "-w", "net.ipv4.conf.all.log_martians=1"])
    assert lab.node("h2").run(["sysctl", "-n", "net.ipv4.conf.all.log_martians"]).stdout == "0\n"


def test_a_node_sees_its_own_processes_and_links_only(lab: Lab) -> None:
    pids = lab.node("h1").run(["sh", "-c", "echo /proc/[0-9]*"]).stdout.split()
    assert len(pids) <= 3, "PID 1, the shell, and nobody else"
    assert set(lab.node("h1").run(["ls", "/sys/class/net"]).stdout.split()) >= {"lo", "eth0"}
    assert not any(name.startswith("to-") for name in lab.node("h1").run(["ls", "/sys/class/net"]).stdout.split())


def test_nothing_of_the_real_machines_own_configuration_reaches_a_node(lab: Lab) -> None:
    assert lab.node("h1").run(["ls", "/etc/vxloom", "/var/lib/vxloom"]).stdout.split() == ["/etc/vxloom:", "/var/lib/vxloom:"]


def test_a_node_has_tun_and_the_projects_code(lab: Lab) -> None:
    lab.node("h1").run(["ip", "tuntap", "add", "probe", "mode", "tap"])
    lab.node("h1").run(["ip", "link", "del", "probe"])
    assert lab.node("h1").run([sys.executable, "-c", "import vxloom; print(vxloom.__version__)"]).stdout


def test_code_that_lies_where_a_node_has_its_own_files_is_there_and_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "probe.py").write_text("print('here')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]))
    with Lab(hypervisors=1) as lab:
        h1 = lab.node("h1")
        assert h1.run([sys.executable, str(tmp_path / "probe.py")]).stdout == "here\n"
        assert "Read-only file system" in h1.run(["touch", str(tmp_path / "probe.py")], check=False).stderr
        assert h1.run(["ls", str(tmp_path.parent)]).stdout.split() == [tmp_path.name], "and nothing beside it"


def test_root_of_a_user_namespace_has_a_lab_too(lab_directory: Path) -> None:
    code = "from vxloom.lab import Lab\nwith Lab(1) as lab: print(lab.node('h1').ping('mgmt'))"
    argv = ["unshare", "--user", "--map-root-user", "--net", "--mount", sys.executable, "-c", code]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "True\n"


# ---------------------------------------------------------------------------------------------------------- commands


def test_a_failing_command_says_where_and_why(lab: Lab) -> None:
    with pytest.raises(CommandError, match=r"h1: ls /nowhere: exit 2: .*No such file") as caught:
        lab.node("h1").run(["ls", "/nowhere"])
    assert caught.value.completed is not None
    assert caught.value.completed.returncode == 2


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(lab: Lab) -> None:
    with pytest.raises(CommandError, match="not done after"):
        lab.node("h1").run(["sleep", "3600"], timeout=0.2)
    wait_until(lambda: "sleep" not in lab.node("h1").run(["ps", "-e", "-o", "comm"]).stdout, "sleep is gone")


def test_a_command_dies_with_what_carries_it(lab: Lab) -> None:
    with lab.node("h1").popen(["sh", "-c", "echo ready; exec sleep 3599"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: "sleep 3599" not in lab.node("h1").run(["ps", "-e", "-o", "args"]).stdout, "sleep is gone")


def test_a_started_command_gets_the_signal_itself(lab: Lab) -> None:
    with lab.node("h1").popen(["sh", "-c", "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.01; done"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=5)[0] == "caught\n"
    assert process.returncode == 3


def test_a_guest_is_found_wherever_it_is(lab: Lab) -> None:
    h2 = lab.node("h2")
    h2.run(["ip", "netns", "add", "web1"])
    h2.run(["ip", "-n", "web1", "link", "set", "lo", "up"])
    assert lab.guest("web1").ping("127.0.0.1")
    assert lab.guest("web1").run(["ip", "-o", "link"]).stdout.count("\n") == 1
    assert not Path("/run/netns/web1").exists()
    h2.run(["ip", "netns", "del", "web1"])
    with pytest.raises(VxloomError, match="no hypervisor has a guest 'web1'"):
        lab.guest("web1")


def test_a_guest_is_known_by_its_vms_name_if_only_one_has_it(lab: Lab) -> None:
    h1, h2 = lab.node("h1"), lab.node("h2")
    h1.run(["ip", "netns", "add", "web.0a1b2c3d"])
    assert lab.guest("web").name == "web.0a1b2c3d"
    h2.run(["ip", "netns", "add", "web.ffffffff"])
    with pytest.raises(VxloomError, match=r"'web' could be web.0a1b2c3d on h1, web.ffffffff on h2"):
        lab.guest("web")
    assert lab.guest("web.ffffffff").run(["ip", "-o", "link"]).stdout.count("\n") == 1
    h1.run(["ip", "netns", "del", "web.0a1b2c3d"])
    h2.run(["ip", "netns", "del", "web.ffffffff"])


def test_a_server_that_dies_at_once_is_shown_with_its_last_words(lab: Lab) -> None:
    lab.start_process("mgmt", "server", ["sh", "-c", "echo the disk is full; exit 4"])
    with pytest.raises(VxloomError, match="server on mgmt ended with status 4:\nthe disk is full"):
        services.await_server(lab)


def test_a_long_lived_process_is_logged_killed_and_started_again(lab: Lab) -> None:
    pid = lab.start_process("h1", "counter", ["sh", "-c", "echo $GREETING; exec sleep 3600"], {"GREETING": "hello"})
    wait_until(lambda: lab.log_path("h1", "counter").read_text() == "hello\n", "the log has its output")
    with pytest.raises(VxloomError, match="already runs"):
        lab.start_process("h1", "counter", ["true"])
    lab.kill("h1", "counter")
    assert lab.process("h1", "counter").exit_status == -signal.SIGKILL
    assert alive([pid]) == []
    lab.restart("h1", "counter")
    assert lab.process("h1", "counter").running
    lab.kill("h1", "counter", signal.SIGTERM)
    assert lab.process("h1", "counter").exit_status == -signal.SIGTERM


def test_the_api_port_is_reached_from_the_real_machines_loopback(lab: Lab) -> None:
    argv = [sys.executable, "-u", "-m", "http.server", "8080", "--directory", "/etc/vxloom"]
    lab.start_process("mgmt", "web", argv)
    lab.node("mgmt").write("/etc/vxloom/page", "x" * 300_000)
    url = f"http://127.0.0.1:{lab.report().api_port}/page"
    page = wait_until(lambda: _fetch(url), "the page comes through")
    assert page == b"x" * 300_000
    lab.kill("mgmt", "web")
    assert _fetch(url) == b""


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
    except (OSError, urllib.error.URLError):
        return b""
