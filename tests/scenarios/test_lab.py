"""The lab's own promises: a layer-3 underlay, private files, faults that heal, and a death that leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.labs import alive, namespaces_of, pids_of, processes_in, sweeper_of
from tests.waiting import wait_until
from vxloom.errors import ConfigError, TransportError, VxloomError
from vxloom.lab import CommandError, Lab, faults, services, state

VXLOOM = str(Path(sys.prefix, "bin", "vxloom"))


@pytest.fixture(scope="module", autouse=True)
def lab_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State of these labs stays under the test run's own directory."""
    directory = tmp_path_factory.mktemp("labs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(state.BASE_VARIABLE, str(directory))
        yield directory


@pytest.fixture(scope="module")
def lab(lab_directory: Path) -> Iterator[Lab]:
    with Lab(hypervisors=2) as made:
        yield made


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


# ---------------------------------------------------------------------------------------------------------- faults


@pytest.fixture
def healed(lab: Lab) -> Iterator[Lab]:
    yield lab
    faults.heal(lab)
    for node in lab.hypervisors:
        assert node.ping(lab.node("mgmt").address)
        assert node.ping(str(lab.node("mgmt").spec.address6))


def test_a_partition_parts_two_nodes_and_no_more(healed: Lab) -> None:
    h1, h2, mgmt = (healed.node(name) for name in ("h1", "h2", "mgmt"))
    faults.partition(healed, "h1", "h2")
    assert not h1.ping(h2.address, wait=0.2)
    assert not h2.ping(str(h1.spec.address6), wait=0.2)
    assert h1.ping(mgmt.address)
    assert h2.ping(mgmt.address)


def test_a_headless_node_still_reaches_its_peers(healed: Lab) -> None:
    faults.mgmt_cut(healed, "h1")
    assert not healed.node("h1").ping(healed.node("mgmt").address, wait=0.2)
    assert healed.node("h1").ping(healed.node("h2").address)


def test_a_link_down_is_a_lost_carrier(healed: Lab) -> None:
    faults.link_down(healed, "h1")
    assert "NO-CARRIER" in healed.node("h1").run(["ip", "link", "show", "eth0"]).stdout
    faults.link_up(healed, "h1")
    assert healed.node("h1").ping(str(healed.node("h2").spec.address6))


def test_a_narrow_hop_is_told_by_the_router_only(healed: Lab) -> None:
    faults.path_mtu(healed, "h2", "1400")
    big = ["ping", "-n", "-c1", "-W1", "-M", "do", "-s", "1472", healed.node("h2").address]
    answer = healed.node("h1").run(big, check=False)
    assert "1400" in answer.stdout + answer.stderr
    assert "mtu 1550" in healed.node("h2").run(["ip", "link", "show", "eth0"]).stdout
    faults.heal(healed)
    healed.node("h1").run(["ip", "route", "flush", "cache"])
    assert healed.node("h1").run(big).returncode == 0


def test_a_changed_mtu_is_seen_by_the_node(healed: Lab) -> None:
    faults.mtu(healed, "h2", "1400")
    assert "mtu 1400" in healed.node("h2").run(["ip", "link", "show", "eth0"]).stdout
    with pytest.raises(ConfigError, match="out of range"):
        faults.mtu(healed, "h2", "100")


def test_rows_and_devices_are_deleted_as_by_a_careless_hand(lab: Lab) -> None:
    h1, mac = lab.node("h1"), "02:00:00:00:00:01"
    h1.run(["ip", "link", "add", "br0", "type", "bridge"])
    h1.run(["ip", "link", "add", "vxlan7001", "type", "vxlan", "id", "7001", "dstport", "4789", "local", h1.address, "nolearning"])
    h1.run(["ip", "link", "set", "vxlan7001", "master", "br0"])
    h1.run(["bridge", "fdb", "add", mac, "dev", "vxlan7001", "self", "dst", "10.200.2.2"])
    h1.run(["bridge", "fdb", "add", mac, "dev", "vxlan7001", "master", "static"])
    assert faults.fdb_del(lab, "h1", mac.upper()) == f"2 rows for {mac} deleted on h1"
    assert mac not in h1.run(["bridge", "fdb", "show"]).stdout
    with pytest.raises(VxloomError, match="no forwarding row"):
        faults.fdb_del(lab, "h1", mac)
    faults.device_del(lab, "h1", "7001")
    with pytest.raises(VxloomError, match="no VXLAN device with VNI 7001"):
        faults.device_del(lab, "h1", "7001")
    h1.run(["ip", "link", "del", "br0"])


def test_healing_starts_what_was_killed(lab: Lab) -> None:
    lab.start_process("h1", "agent", ["sleep", "3600"])
    faults.kill_agent(lab, "h1")
    assert not lab.process("h1", "agent").running
    assert "agent on h1" in faults.heal(lab)
    assert lab.process("h1", "agent").running
    lab.kill("h1", "agent")


# ---------------------------------------------------------------------------------------------------------- death


def test_down_leaves_nothing(lab_directory: Path) -> None:
    lab = Lab(hypervisors=2).up()
    lab.start_process("h1", "worker", ["sleep", "3600"])
    lab.node("h1").run(["ip", "netns", "add", "guest"])
    shell = lab.node("h1").popen(["sleep", "3600"])
    report, namespaces = lab.report(), namespaces_of(lab)
    assert processes_in(namespaces)
    lab.down()
    assert alive(pids_of(report)) == []
    assert shell.wait(5) != 0
    shell.communicate()
    assert processes_in(namespaces) == []
    assert lab.spec.name not in [entry.name for entry in lab_directory.iterdir()]
    with pytest.raises(VxloomError, match="h1 is gone"):
        lab.node("h1").run(["true"])
    lab.down()  # twice is fine


def test_a_killed_supervisor_takes_everything_with_it(lab_directory: Path) -> None:
    lab = Lab(hypervisors=2).up(keep=True)
    lab.start_process("h1", "worker", ["sh", "-c", "sleep 3600 & setsid sleep 3600"])
    report, namespaces = lab.report(), namespaces_of(lab)
    _kill(report.pid)
    wait_until(lambda: not alive(pids_of(report)) and not processes_in(namespaces), "every process of the lab is gone")
    wait_until(lambda: not lab.directory.exists(), "its files are gone")
    with Lab(hypervisors=1, name=lab.spec.name) as again:
        assert again.node("h1").ping(again.node("mgmt").address)


def test_a_lab_killed_with_its_sweeper_is_no_obstacle(lab_directory: Path) -> None:
    lab = Lab(hypervisors=1).up(keep=True)
    report = lab.report()
    sweeper = sweeper_of(report.pid)
    _kill(sweeper)
    wait_until(lambda: not alive([sweeper]), "the sweeper is gone")
    _kill(report.pid)
    wait_until(lambda: not alive(pids_of(report)), "the lab is gone")
    assert lab.directory.exists()
    with Lab(hypervisors=1, name=lab.spec.name) as again:
        assert again.node("mgmt").ping(again.node("h1").address)
    assert not lab.directory.exists()


def test_a_lab_whose_owner_dies_half_way_up_never_stands(lab_directory: Path) -> None:
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-m", "vxloom.lab.supervisor", str(theirs.fileno()), '{"name":"halfway","hypervisors":3}']
    with theirs:
        subprocess.run(argv, pass_fds=[theirs.fileno()], check=True)
    with ours.makefile("rb") as lines:
        assert json.loads(lines.readline())["text"] == "5 nodes stand"
    ours.close()
    wait_until(lambda: not (lab_directory / "halfway").exists(), "nothing is left of it")


def test_a_lab_does_not_outlive_the_test_that_made_it(lab_directory: Path) -> None:
    code = "import sys\nfrom vxloom.lab import Lab\nlab = Lab(1, name='orphan').up()\nprint(lab.report().pid, flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert int(owner.stdout.readline())
        report = Lab.attach("orphan").report()
        owner.kill()
    wait_until(lambda: not alive(pids_of(report)), "the lab went with its owner")
    wait_until(lambda: not (lab_directory / "orphan").exists(), "and its files")


def test_two_labs_do_not_meet(lab: Lab) -> None:
    with Lab(hypervisors=1) as other:
        assert other.report().api_port != lab.report().api_port
        assert other.node("h1").address == lab.node("h1").address
        assert not namespaces_of(other) & namespaces_of(lab)
        faults.link_down(other, "h1")
        assert lab.node("h1").ping(lab.node("mgmt").address)
        assert not other.node("h1").ping(other.node("mgmt").address, wait=0.2)


def test_a_second_lab_of_the_same_name_is_refused_and_the_first_unharmed(lab: Lab) -> None:
    with pytest.raises(VxloomError, match="already up"):
        Lab(name=lab.spec.name).up()
    assert lab.node("h1").ping(lab.node("h2").address)


# ---------------------------------------------------------------------------------------------------------- command line


def _vxloom(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([VXLOOM, "lab", *argv], capture_output=True, text=True, check=False, timeout=90)


def test_the_command_line_from_up_to_down(lab_directory: Path) -> None:
    up = _vxloom("up", "--bare", "--lab", "cli", "--hypervisors", "2", "--port", "0")
    assert (up.returncode, up.stdout.splitlines()[0].partition(" is up")[0]) == (0, "lab 'cli'"), up.stderr
    facts = json.loads(_vxloom("status", "--lab", "cli", "--output", "json").stdout)
    assert [node["node"] for node in facts["nodes"]] == ["underlay", "mgmt", "h1", "h2"]
    assert "10.200.1.2" in _vxloom("status", "--lab", "cli").stdout
    assert _vxloom("exec", "--lab", "cli", "h1", "--", "sh", "-c", "hostname; exit 7").returncode == 7
    assert _vxloom("exec", "--lab", "cli", "h1", "hostname").stdout == "h1\n"
    assert "cannot reach each other" in _vxloom("fault", "partition", "--lab", "cli", "h1", "h2").stdout
    assert _vxloom("fault", "heal", "--lab", "cli").returncode == 0
    for wrong, words in (
        (("exec", "--lab", "cli", "h9", "true"), "no node 'h9'"),
        (("guest", "--lab", "cli", "web9", "true"), "no hypervisor has a guest 'web9'"),
        (("env", "--lab", "cli"), "no keys yet"),
        (("fault", "mtu", "--lab", "cli", "h1", "wide"), "'wide' is not an MTU"),
        (("up", "--bare", "--lab", "cli"), "already up"),
    ):
        answer = _vxloom(*wrong)
        assert answer.returncode in {1, 2}
        assert words in answer.stderr
        assert "Traceback" not in answer.stderr
    assert "is gone" in _vxloom("down", "--lab", "cli").stdout
    status = _vxloom("status", "--lab", "cli")
    assert (status.returncode, "`vxloom lab up --lab cli` starts it" in status.stderr) == (1, True)
    assert _vxloom("down", "--lab", "cli").returncode == 0


def test_attaching_to_no_lab_says_so() -> None:
    with pytest.raises(TransportError, match="does not answer"):
        Lab.attach("nowhere")


def _kill(pid: int) -> None:
    """Kill -9 a process that this test's lab started."""
    os.kill(pid, signal.SIGKILL)
