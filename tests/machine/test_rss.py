"""Queues, hashes and steering of real drivers' cards, and over a boot at which nothing of ours runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.netns import fresh_netns
from tests.machine.guest import ROOT, Guest

# The kernel's own word that there is a card: udev gives it its name and takes the rules.
UDEV = """set -e
mkdir -p /etc/udev/rules.d; echo '{rule}' > /etc/udev/rules.d/85-poor-driver.rules
/lib/systemd/systemd-udevd --daemon
modprobe virtio_net
udevadm settle
"""
INSIDE = f"cd {ROOT}; .venv/bin/python -m tests.machine.rss_inside\n"
LOOK = """
cd /sys/class/net
for card in ens*; do
    cat $card/address $card/queues/rx-0/rps_cpus; ethtool -l $card | grep Combined
    for flow in udp4 udp6; do ethtool -n $card rx-flow-hash $flow || true; done
done 2>&1
"""
# virtio's driver begins with as many queues and as good hashes as it has; many others do not.
POOR = (
    'ACTION=="add", SUBSYSTEM=="net", DRIVERS=="virtio_net", '
    'RUN+="/usr/sbin/ethtool -L $name combined 1", RUN+="/usr/sbin/ethtool -N $name rx-flow-hash udp4 sd"'
)
CARD = "virtio-net-pci,netdev={0},mac=02:00:00:00:00:0{1}"


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    """A machine with a card of four queues, which spreads by hash, and one of a single queue."""
    many, one = CARD.format("many", 1), CARD.format("one", 2)
    devices = (
        *("-netdev", "tap,id=many,ifname=many,queues=4,script=no,downscript=no", "-device", f"{many},mq=on,vectors=10,rss=on,hash=on"),
        *("-netdev", "tap,id=one,ifname=one,script=no,downscript=no", "-device", one),
    )
    with fresh_netns():
        yield Guest(tmp_path, devices=devices)


@pytest.mark.slow
def test_packets_are_spread_over_all_cores_after_a_boot_too(guest: Guest) -> None:
    poor = {"queues": [1, 4], "steering": "0", "hash": ["sd", "sdfn"]}, {"queues": [1, 1], "steering": "0", "hash": ["", ""]}
    good = {"queues": [2, 4], "steering": "0", "hash": ["sdfn", "sdfn"]}, {"queues": [1, 1], "steering": "3", "hash": ["", ""]}
    udev = UDEV.format(rule=POOR)
    done = guest.run(udev + INSIDE + LOOK)
    assert done.status == 0, done.output + done.console[-2000:]
    _, _, rest = done.output.partition("{")
    line, _, seen = rest.partition("\n")
    told = json.loads("{" + line)
    assert cards(told["before"]) == poor
    assert told["problem"] == ""
    assert len(told["changes"]) == 4, told["changes"]
    assert cards(told["applied"]) == good
    assert told["again"] == 0
    assert (told["undo"], cards(told["undone"]), told["left"]) == ([], poor, False)
    assert (told["same"], cards(told["last"])) == (True, good)
    assert "one queue: the kernel spreads" in told["notes"][0]
    booted = guest.run(udev + LOOK)
    assert booted.output.endswith(seen), booted.output
    assert seen.count("02:00:00:00:00:0") == 2, "the look looks at both cards"


def cards(told: dict[str, dict[str, object]]) -> tuple[object, object]:
    """The card of four queues, and the one of one."""
    return told["1"], told["2"]
