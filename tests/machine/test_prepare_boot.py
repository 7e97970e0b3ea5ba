"""What `vxloom host apply` sets is so after a reboot, under systemd-networkd and ifupdown; after `undo` and a reboot all is as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.machine.guest import ROOT, SHARE, Guest

UNITS = "systemd-networkd.service networking.service"
CARDS = tuple(
    word
    for number in range(4)  # the first two are one pair of cards, the others the other side's: a wire is a hub of two
    for word in (
        "-netdev",
        f"hubport,id=n{number},hubid={number % 2}",
        "-device",
        f"virtio-net-pci,netdev=n{number},mac=02:00:00:00:00:0{number},speed=10000,duplex=full",
    )
)
FILES = {
    "/etc/systemd/network/10-uplink.network": "[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.1/24\n",
    "/etc/network/interfaces": """\
auto lo
iface lo inet loopback

auto eth2
iface eth2 inet manual

auto cloudbr0
iface cloudbr0 inet static
    address 198.51.100.1/24
    bridge_ports eth2
""",
    "/etc/vxloom/networkd.toml": '[labels]\nGuest = "bond0"\n[bond]\nmembers = ["eth0", "eth1"]\n',
    "/etc/vxloom/ifupdown.toml": '[labels]\nGuest = "cloudbr0"\n[bond]\nname = "bond1"\nmembers = ["eth2", "eth3"]\n',
}
LINKS = ("eth0", "eth1", "eth2", "eth3", "cloudbr0")
BOND = ("mode", "ad_lacp_rate", "xmit_hash_policy", "miimon", "min_links")
SCRIPT = """
vxloom() { @ROOT@/.venv/bin/vxloom "$@"; }
wait_for() { for each in $(seq 100); do eval "$1" && return; sleep 0.1; done; echo "in vain: $1"; exit 1; }
state() {
    udevadm settle
    wait_for 'ip address | grep -q "inet 192.0.2.1/24"'; wait_for 'ip address | grep -q "inet 198.51.100.1/24"'
    {
        echo '{"module": '$(test -e /sys/module/vxlan && echo true || echo false)
        for key in net.ipv4.igmp_max_memberships net.ipv4.neigh.default.gc_thresh3; do echo ', "'$key'": '$(sysctl -n $key); done
        echo ', "links": '; ip -j -d address; echo ', "routes": '; ip -j route; echo '}'
    } > @SHARE@/$1.json
    (cd /etc && find network systemd/network sysctl.d modules-load.d vxloom -type f | sort | xargs sha256sum) > @SHARE@/$1.files
}
"""


def script(text: str) -> str:
    return "set -eo pipefail\n" + SCRIPT.replace("@ROOT@", str(ROOT)).replace("@SHARE@", SHARE) + text


class State:
    """What the guest wrote down of itself."""

    def __init__(self, guest: Guest, name: str) -> None:
        told = json.loads((guest.share / f"{name}.json").read_text())
        self.files = (guest.share / f"{name}.files").read_text()
        self.links = {link["ifname"]: link for link in told.pop("links")}
        self.routes = told.pop("routes")
        self.settings = told

    def network(self) -> object:
        """What is to be the same, however often the machine is booted."""
        links = {
            name: (
                link["mtu"],
                link["address"],
                link.get("master"),
                {key: value for key, value in link.get("linkinfo", {}).get("info_data", {}).items() if key in BOND},
                sorted(f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"),
            )
            for name, link in self.links.items()
        }
        return links, sorted(f"{route['dst']} {route['dev']}" for route in self.routes)

    def mtus(self, *names: str) -> set[int]:
        return {self.links[name]["mtu"] for name in names}


@pytest.mark.slow
def test_what_is_applied_lasts_over_a_reboot_and_what_is_undone_is_gone_after_one(tmp_path: Path) -> None:
    guest = Guest(tmp_path, devices=CARDS)
    for name, text in FILES.items():
        file = guest.share / "root" / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    apply = "vxloom host apply --yes --config /etc/vxloom/networkd.toml --only module --only sysctl --only bond --only mtu"
    apply_too = "vxloom host apply --yes --config /etc/vxloom/ifupdown.toml --only bond --only mtu"
    first = guest.systemd(
        script(f"""
            cp -r {SHARE}/root/. /; networkctl reload; ifup -a
            state before
            {apply}; {apply_too}
            state applied"""),
        wants=UNITS,
    )
    assert first.status == 0, first.output
    before, applied = State(guest, "before"), State(guest, "applied")
    assert before.settings == {"module": False, "net.ipv4.igmp_max_memberships": 20, "net.ipv4.neigh.default.gc_thresh3": 1024}
    assert applied.settings == {"module": True, "net.ipv4.igmp_max_memberships": 4096, "net.ipv4.neigh.default.gc_thresh3": 65536}
    assert before.mtus(*LINKS) == {1500}
    assert applied.mtus("bond0", "bond1", *LINKS) == {9000}
    assert [applied.links[name]["master"] for name in (*LINKS[:4], "bond1")] == ["bond0", "bond0", "bond1", "bond1", "cloudbr0"]

    second = guest.systemd(
        script(f"""
            state rebooted
            {apply} | tee /dev/stderr | grep -qx 'nothing to do'; {apply_too} | tee /dev/stderr | grep -qx 'nothing to do'
            vxloom host undo
            state undone"""),
        wants=UNITS,
    )
    assert second.status == 0, second.output
    rebooted, undone = State(guest, "rebooted"), State(guest, "undone")
    assert (rebooted.network(), rebooted.settings) == (applied.network(), applied.settings)
    assert (undone.network(), undone.settings) == (before.network(), before.settings | {"module": True}), "others may use the module by now"

    third = guest.systemd(script("state after"), wants=UNITS)
    assert third.status == 0, third.output
    after = State(guest, "after")
    assert (after.network(), after.settings) == (before.network(), before.settings)
    assert after.files == before.files
