"""`vxloom host` on a machine that refuses: one sentence that says what to do, exit 1 or 2, and every file as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.firewalls import Firewalled
from tests.kernel.netns import Netns

PROPERTIES = "/etc/cloudstack/agent/agent.properties"
TEXT = "# kept\nguid=1\nguest.network.device=eth0\n"
LABELS = '[labels]\nGuest = "eth0"\n'
READ_ONLY = "mount --bind {0} {0}; mount -o remount,ro,bind {0}"
NOBODY = "nobody we know brings eth0 up at boot (looked for netplan, NetworkManager, systemd-networkd, ifupdown)"


@pytest.fixture
def host(netns: Netns) -> Iterator[Firewalled]:
    with Firewalled(netns, "nftables") as host:
        netns.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0")
        host.run("sh", "-c", "rm -rf /etc/network/interfaces* /etc/netplan /etc/systemd/network")
        host.write("/etc/vxloom/host.toml", LABELS)
        host.write(PROPERTIES, TEXT)
        yield host


CASES = [
    # step, host.toml, agent.properties, what is done to the machine, exit code, what is said
    ("module", LABELS, TEXT, READ_ONLY.format("/etc"), 1, "/etc/modules-load.d/vxlan.conf is on a file system that is mounted read-only"),
    ("sysctl", LABELS, TEXT, READ_ONLY.format("/etc"), 1, "/etc/sysctl.d/90-vxloom.conf is on a file system that is mounted read-only"),
    ("agent-properties", LABELS + 'x = "eth0"\n', TEXT, READ_ONLY.format("/etc"), 0, "nothing to do"),
    (
        "agent-properties",
        'vxlan_mode = "evpn"\n' + LABELS,
        TEXT,
        READ_ONLY.format(PROPERTIES),
        1,
        f"{PROPERTIES} is on a file system that is mounted read-only",
    ),
    ("sysctl", LABELS, TEXT, READ_ONLY.format("/var/lib"), 1, "cannot open /var/lib/vxloom/host/lock: Read-only file system"),
    ("mtu", LABELS, TEXT, "", 1, NOBODY),
    ("mtu", '[labels]\nGuest = "cloudbr9"\n', TEXT, "", 1, "there is no device cloudbr9"),
    ("agent-properties", '[labels]\nGuest = "cloudbr9"\n', TEXT, "", 1, "label Guest names cloudbr9, which is not here"),
    ("mtu", f"mtu = 70000\n{LABELS}", TEXT, "", 1, "eth0 takes an MTU of 65535 at the most"),
    ("agent-properties", LABELS, TEXT + "guid=2\n", "", 1, "sets guid twice, in lines 2 and 4"),
    ("agent-properties", LABELS, TEXT.replace("\n", "\r\n"), "", 1, "has line ends of Windows"),
    ("agent-properties", LABELS, TEXT, rf"printf '\377\n' >> {PROPERTIES}", 1, "is not UTF-8 text"),
    ("sysctl", "mtu = 'much'\n", TEXT, "", 2, "Expected `int`, got `str` - at `$.mtu`"),
    ("sysctl", "mtuu = 9000\n", TEXT, "", 2, "unknown field `mtuu`"),
    ("sysctl", "mtu = \n", TEXT, "", 2, "is not valid TOML"),
    ("firewall", f"tunnel_port = 70000\n{LABELS}", TEXT, "", 2, "tunnel_port = 70000 is no UDP port"),
    ("firewall", f'firewall_ports = ["ssh"]\n{LABELS}', TEXT, "", 1, "firewall_ports: 'ssh' is no port"),
    ("sysctll", LABELS, TEXT, "", 2, "there is no step sysctll"),
]


@pytest.mark.parametrize(("step", "toml", "properties", "spoil", "status", "said"), CASES, ids=lambda value: str(value)[:30])
def test_what_cannot_be_is_said_and_nothing_is_half_done(
    host: Firewalled, step: str, toml: str, properties: str, spoil: str, status: int, said: str
) -> None:
    host.write("/etc/vxloom/host.toml", toml)
    host.write(PROPERTIES, properties)
    host.run("sh", "-c", spoil)
    before, links = host.files("/etc"), host.run("ip", "link")
    done = host.vxloom("apply", "--yes", "--only", step)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (host.files("/etc"), host.run("ip", "link")) == (before, links)


def test_a_run_that_is_refused_half_way_is_taken_back_by_undo(host: Firewalled) -> None:
    """The first step's file is written, the second's cannot be: what was made is in the journal, what was not is no trouble."""
    before = host.files("/etc")
    host.run("sh", "-c", f"mkdir -p /etc/modules-load.d; {READ_ONLY.format('/etc/modules-load.d')}")
    done = host.vxloom("apply", "--yes", "--only", "module", "--only", "sysctl")
    assert done.returncode == 1
    assert "/etc/modules-load.d/vxlan.conf is on a file system that is mounted read-only" in done.stderr
    assert "/etc/sysctl.d/90-vxloom.conf" in host.files("/etc")
    done = host.vxloom("undo")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "all is as it was"), done.stderr
    assert host.files("/etc") == before
