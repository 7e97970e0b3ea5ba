"""The whole way: an unprepared hypervisor of the lab, checked, prepared, checked again, prepared again, and put back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vxloom.lab import Lab
from vxloom.lab.node import Node

VXLOOM = str(Path(sys.prefix, "bin", "vxloom"))
NAME = "unprepared"
JUMBO = 9000
HOST_TOML = """[labels]
Guest = "cloudbr1"
"""
INTERFACES = """
auto cloudbr1
iface cloudbr1 inet manual
    bridge_ports eth0
"""


def vxloom(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([VXLOOM, *words], capture_output=True, text=True, check=False, timeout=90)


def on_h1(*words: str) -> subprocess.CompletedProcess[str]:
    return vxloom("lab", "exec", "--lab", NAME, "h1", "--", "vxloom", "host", *words)


def verdicts() -> dict[str, str]:
    """Return requirement → verdict, and because of what where it is not applicable."""
    rows = json.loads(on_h1("check", "--output", "json").stdout)
    return {row["requirement"]: row["verdict"] + (f": {row['what to do']}" if row["verdict"] == "not applicable" else "") for row in rows}


def carries(lab: Lab, size: int) -> bool:
    """Whether a packet of so many bytes gets from h1 to h2 unbroken."""
    argv = ["ping", "-n", "-q", "-c1", "-W1", "-M", "do", "-s", str(size - 28), lab.node("h2").address]
    return lab.node("h1").run(argv, check=False).returncode == 0


def files(root: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return what tells a changed tree: path → mode, owner, size, time of change."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)
    return found


def real_machine() -> dict[str, object]:
    """Return what `apply` would have changed, had it reached the machine these tests run on."""
    settings = ("ipv4/igmp_max_memberships", "ipv4/neigh/default/gc_thresh3", "ipv4/conf/all/rp_filter", "core/rps_sock_flow_entries")
    kernel = {name: Path("/proc/sys/net", name).read_text(encoding="ascii") for name in settings}
    links = subprocess.run(["ip", "-o", "link", "show"], capture_output=True, text=True, check=True).stdout
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    modules = {path.name for path in Path("/sys/module").iterdir()}
    own = {str(path) for folder in ("/etc/vxloom", "/var/lib/vxloom") for path in Path(folder).rglob("*")}
    return {"/etc": files(Path("/etc")), "own": own, "settings": kernel, "links": links, "rules": rules, "modules": modules}


@pytest.fixture(scope="module")
def lab(lab_directory: Path) -> Iterator[Lab]:
    """As a person gets it: a lab without a server, its hypervisors unprepared."""
    made = vxloom("lab", "up", "--bare", "--lab", NAME, "--hypervisors", "2", "--port", "0")
    assert made.returncode == 0, made.stderr
    yield Lab.attach(NAME)
    vxloom("lab", "down", "--lab", NAME)


def test_an_unprepared_hypervisor_is_prepared_by_one_command_and_a_second_finds_nothing_to_do(lab: Lab) -> None:
    outside = real_machine()
    assert on_h1("check").returncode == 1
    unprepared = verdicts()
    assert unprepared["MTU of the underlay"] == "failed"
    assert carries(lab, 1500)
    assert not carries(lab, 1501)

    first = on_h1("apply", "--yes")
    assert first.returncode == 0, first.stderr
    assert re.search(r"^\d+ changes made; vxloom host undo takes them back$", first.stdout, re.MULTILINE)

    prepared = verdicts()
    assert on_h1("check").returncode == 0
    assert {name for name, verdict in prepared.items() if verdict == "failed"} == set()
    assert prepared.keys() == unprepared.keys()
    second = on_h1("apply", "--yes")
    assert (second.returncode, second.stdout) == (0, "nothing to do\n")

    assert vxloom("lab", "exec", "--lab", NAME, "h2", "--", "vxloom", "host", "apply", "--yes").returncode == 0
    assert carries(lab, JUMBO)
    assert not carries(lab, JUMBO + 1)

    back = on_h1("undo")
    assert (back.returncode, back.stdout.splitlines()[-1]) == (0, "all is as it was")
    assert verdicts() == unprepared
    assert not carries(lab, 1501)
    assert real_machine() == outside


def test_the_check_has_the_manuals_form_and_the_manual_names_every_row(lab: Lab) -> None:
    rows = {row["requirement"]: row for row in json.loads(on_h1("check", "--output", "json").stdout)}
    impact = {"kernel release": 10, "MTU of the underlay": 9, "UDP port of tunnels": 8, "KVM": 7, "CloudStack agent": 6}
    assert {name: rows[name]["impact"] for name in impact} == impact
    assert [row["impact"] for row in rows.values()] == sorted((row["impact"] for row in rows.values()), reverse=True)
    assert [rows[name]["the manual's"] for name in ("kernel release", "CloudStack agent")] == ["3.7", "4.11"]
    assert [rows[name]["verdict"] for name in ("root", "iproute2", "VXLAN in the kernel")] == ["ok", "ok", "ok"]
    assert [rows[f"resources of a {role}"]["asked"] for role in ("hypervisor", "management server")] == [
        "4 cores, 8 GiB",
        "8 cores, 16 GiB",
    ]
    page = (Path(__file__).parents[2] / "docs" / "reference" / "manual.md").read_text(encoding="utf-8")
    assert {name for name in rows if f"`check: {name}`" not in page} == set()


def test_what_a_node_cannot_have_is_not_applicable_and_says_why(lab: Lab) -> None:
    """No step and no row asks whether this is a lab: each looks for what it needs."""
    rows = verdicts()
    assert rows["net.ipv4.neigh.default.gc_thresh*"].startswith("not applicable: not visible here: a network namespace")
    assert rows["systemd-networkd"].startswith("not applicable: ")
    assert "no CAP_SYS_MODULE" in on_h1("plan", "--only", "module").stdout
    sources = Path(sys.modules["vxloom"].__path__[0], "prepare").rglob("*.py")
    assert [path.name for path in sources if "vxloom.lab" in path.read_text(encoding="utf-8")] == []


READ_ONLY = "mount --bind /etc /etc && mount -o remount,bind,ro /etc && vxloom host apply --yes"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("setpriv", "--reuid=65534", "--clear-groups", "vxloom", "host", "apply"), 1, "which only root may (sudo vxloom host apply)"),
        (("setpriv", "--reuid=65534", "--clear-groups", "vxloom", "host", "undo"), 1, "which only root may (sudo vxloom host undo)"),
        (("vxloom", "host", "apply"), 130, "nothing was changed (where nobody can be asked, give --yes)"),
        (("vxloom", "host", "apply", "--output", "json"), 130, "nothing was changed"),
        (("vxloom", "host", "plan", "--only", "mtuu"), 2, "there is no step mtuu (there are: "),
        (("vxloom", "host", "apply", "--yes", "--config", "/nowhere"), 2, "cannot read /nowhere"),
        (("unshare", "--mount", "sh", "-c", READ_ONLY), 1, "/etc/network/interfaces is on a file system that is mounted read-only"),
    ],
    ids=["root", "root-undo", "unasked", "unasked-json", "step", "config", "read-only"],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(lab: Lab, words: tuple[str, ...], status: int, sentence: str) -> None:
    node, look = (
        lab.node("h1"),
        "cd /etc && find . -type f | xargs -d '\\n' cat | sha256sum; ip -o link; sysctl net.ipv4.igmp_max_memberships",
    )
    before = node.run(["sh", "-c", look]).stdout
    done = node.run(list(words), check=False)
    assert (done.returncode, sentence in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
    if "json" in words:
        assert done.stdout == "", "what a program reads is JSON or nothing"
    after = node.run(["sh", "-c", look]).stdout
    if "unshare" not in words:
        assert after == before
    on_h1("undo")
    assert node.run(["sh", "-c", look]).stdout == before


def test_a_plan_for_programs_and_one_for_people(lab: Lab) -> None:
    parts = json.loads(on_h1("plan", "--output", "json").stdout)
    by_step = {part["step"]: part for part in parts}
    assert by_step["module"]["not_applicable"]
    assert by_step["mtu"]["changes"][0] == {
        "change": "mtu",
        "reason": "tunnelled frames are 50 or 70 bytes longer",
        "device": "eth0",
        "mtu": JUMBO,
    }
    text = on_h1("plan").stdout
    assert "module: not applicable: " in text
    assert "  set the MTU of eth0 to 9000\n      why: tunnelled frames are 50 or 70 bytes longer\n      now 1500\n" in text
    assert text.splitlines()[-1].endswith(" changes would be made by: vxloom host apply")


def _make_cloudstack_host(node: Node) -> None:
    """A bridge over the card, and CloudStack's agent with its own file."""
    for command in (
        "link add cloudbr1 type bridge",
        "link set eth0 master cloudbr1",
        "link set cloudbr1 up",
        "address flush dev eth0",
        "-6 route del default",
        f"address add {node.address}/24 dev cloudbr1",
        f"route add default via {node.spec.gateway}",
    ):
        node.run(["ip", *command.split()])
    node.write("/etc/network/interfaces", node.read("/etc/network/interfaces") + INTERFACES)
    node.write("/etc/vxloom/host.toml", HOST_TOML)
    node.write("/etc/cloudstack/agent/agent.properties", "# CloudStack\nguest.network.device=cloudbr0\nport=8250\n", mode=0o640)


def test_every_step_killed_at_every_point_is_completed_by_the_next_and_comes_back_to_the_byte(lab: Lab) -> None:
    node = lab.node("h1")
    _make_cloudstack_host(node)
    root = Path(__file__).parents[2]
    saw = json.loads(node.run([sys.executable, "-m", "tests.scenarios.kill_steps"], env={"PYTHONPATH": str(root)}, timeout=120).stdout)
    assert saw["wrong"] == []
    assert {"/etc/cloudstack/agent/agent.properties", "/etc/network/interfaces", "/etc/sysctl.d/90-vxloom.conf", "mtu cloudbr1"} <= set(
        saw["touched"]
    )
    assert min(saw["points"].values()) > len(saw["changes"])
