"""What is written for a bond, for each program that brings a network up; netplan's and NetworkManager's own programs read it, too."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.unit.prepare.unpacked import generated, tool
from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MakeBond, Member, TellBack
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Done, Link, Machine
from vxloom.prepare.managers.ifupdown import Ifupdown, bonded
from vxloom.prepare.managers.netplan import Netplan
from vxloom.prepare.managers.network_manager import NetworkManager
from vxloom.prepare.managers.networkd import Networkd
from vxloom.settings import Bond

BOND = MakeBond(
    reason="r",
    wanted=Bond(members=("eth0", "eth1")),
    carrier="eth0",
    mac="02:00:00:00:00:01",
    bridge="",
    members=(Member(name="eth0", mtu=1500, up=True), Member(name="eth1", mtu=1500, up=True)),
    addresses=(("-4", "192.0.2.1/24 brd 192.0.2.255"),),
    routes=(("-4", "default via 192.0.2.254"), ("-4", "203.0.113.0/24 scope link")),
)
BRIDGED = msgspec.structs.replace(BOND, bridge="cloudbr0", addresses=(), routes=())


class Said(Machine):
    """A machine whose programs say what the test says: the beginning of a command line → its output."""

    def __init__(self, root: Path, said: dict[str, str]) -> None:
        super().__init__(root)
        self.said = said
        if any(begins.startswith("networkctl") for begins in said):
            self.write("/run/systemd/netif/state", "")

    def run(self, *command: str, patience: float = 60.0, text: str | None = None) -> Done:
        line = " ".join(command)
        found = [answer for begins, answer in self.said.items() if line.startswith(begins)]
        return Done(0, found[0], "") if found else Done(127, "", "no such program")


def files(changes: object) -> dict[str, str | None]:
    return {change.path: change.text for change in changes if isinstance(change, WriteFile)}  # type: ignore[attr-defined]


def written(machine: Machine, changes: object) -> None:
    for change in changes:  # type: ignore[attr-defined]
        if isinstance(change, WriteFile):
            change.do(machine)


# ---------------------------------------------------------------------------------------------------------------- networkd


def test_networkd_reads_the_members_file_before_theirs_and_the_bond_has_all_that_stood_there(tmp_path: Path) -> None:
    machine = Said(
        tmp_path,
        {
            "networkctl --json=short status eth0": '{"NetworkFile": "/etc/systemd/network/10-uplink.network"}',
            "networkctl --json=short status eth1": '{"AdministrativeState": "unmanaged"}',
        },
    )
    machine.write(
        "/etc/systemd/network/10-uplink.network", "# ours\n[Match]\nName=eth0\n# the card\n\n[Network]\nAddress=192.0.2.1/24\nVLAN=v7\n"
    )
    machine.write("/etc/systemd/network/10-uplink.network.d/90-vxloom.conf", "[Link]\nMTUBytes=9000\n")
    machine.write("/usr/lib/systemd/network/10-uplink.network.d/50-dns.conf", "[Network]\nDNS=192.0.2.53\n")
    machine.write("/etc/systemd/network/10-uplink.network.d/50-dns.conf", "[Network]\nDNS=192.0.2.54\n")
    changes = Networkd().bond(machine, BOND)
    head = "# Made by vxloom host apply; vxloom host undo removes it.\n"
    assert files(changes) == {
        "/etc/systemd/network/01-vxloom-bond0.netdev": f"{head}[NetDev]\nName=bond0\nKind=bond\nMACAddress=02:00:00:00:00:01\n\n"
        "[Bond]\nMode=802.3ad\nLACPTransmitRate=fast\nTransmitHashPolicy=layer3+4\nMIIMonitorSec=100ms\nMinLinks=1\n",
        "/etc/systemd/network/01-vxloom-bond0.network": f"{head}[Match]\nName=bond0\n\n# ours\n[Network]\nAddress=192.0.2.1/24\nVLAN=v7\n\n"
        "[Network]\nDNS=192.0.2.54\n\n[Link]\nMTUBytes=9000\n",
        "/etc/systemd/network/01-vxloom-bond0-members.network": f"{head}[Match]\nName=eth0 eth1\n\n[Network]\nBond=bond0\n",
    }
    assert isinstance(changes[0], TellBack)
    assert isinstance(changes[-1], MakeBond)
    assert changes[-1].commands == ["networkctl reload"]


def test_networkd_a_file_that_is_read_before_ours_is_refused(tmp_path: Path) -> None:
    machine = Said(tmp_path, {"networkctl --json=short status": '{"NetworkFile": "/etc/systemd/network/00-first.network"}'})
    with pytest.raises(PrepareError, match="is read before any file of ours"):
        Networkd().bond(machine, BOND)


# ---------------------------------------------------------------------------------------------------------------- ifupdown

AT_BOOT = """\
    pre-up modprobe -q bonding max_bonds=0 || true # vxloom bond
    pre-up ip link show dev $IFACE >/dev/null 2>&1 || ip link add dev $IFACE type bond mode 802.3ad lacp_rate fast \
xmit_hash_policy layer3+4 miimon 100 min_links 1 # vxloom bond
    pre-up ip link set dev $IFACE address 02:00:00:00:00:01 # vxloom bond
    pre-up for each in eth0 eth1; do ip link set dev $each down; ip link set dev $each master $IFACE; done # vxloom bond
    pre-up ip link set dev $IFACE up # vxloom bond
    post-down ip link delete dev $IFACE # vxloom bond
"""
MANUAL = f"auto bond0\niface bond0 inet manual\n{AT_BOOT}"
STATIC = f"iface bond0 inet static\n{AT_BOOT}"


@pytest.mark.parametrize(
    ("bond", "text", "wanted"),
    [
        (
            BOND,
            "auto lo eth0 eth1\niface eth0 inet static\n    address 192.0.2.1/24\niface eth0 inet6 auto\niface eth1 inet manual\n",
            f"auto bond0\nauto lo eth1\n{STATIC}    address 192.0.2.1/24\niface bond0 inet6 auto\niface eth1 inet manual\n",
        ),
        (BOND, "allow-hotplug eth0\niface eth0 inet manual\n", MANUAL),
        (BOND, "iface eth0 inet manual\n", MANUAL),
        (
            BRIDGED,
            "auto eth0\niface eth0 inet manual\nauto cloudbr0\niface cloudbr0 inet manual\n    bridge-ports eth0 eth0.7 eth01\n",
            f"{MANUAL}auto cloudbr0\niface cloudbr0 inet manual\n    bridge-ports bond0 eth0.7 eth01\n",
        ),
        (
            BRIDGED,
            "auto cloudbr0\niface cloudbr0 inet manual\n    bridge_ports eth0\n",
            f"{MANUAL}\nauto cloudbr0\niface cloudbr0 inet manual\n    bridge_ports bond0\n",
        ),
    ],
)
def test_ifupdown_the_bond_takes_the_cards_stanzas(tmp_path: Path, bond: MakeBond, text: str, wanted: str) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/network/interfaces", text)
    changes = Ifupdown().bond(machine, bond)
    assert isinstance(changes[0], MakeBond), "first it is made, then written for the next boot"
    assert files(changes) == {"/etc/network/interfaces": wanted}


@pytest.mark.parametrize(
    ("bond", "text", "words"),
    [
        (BOND, "iface eth0 inet dhcp\n", "method dhcp"),
        (BOND, "iface eth0 inet manual\niface eth1 inet static\n    address 192.0.2.9/24\n", "eth1 has a configuration of its own"),
        (BOND, "iface eth7 inet manual\n", "no stanza of eth0"),
        (BRIDGED, "iface eth0 inet manual\n", "no bridge_ports"),
        (BRIDGED, "iface br inet manual\n    bridge_ports eth0\niface eth0 inet manual\n", "a bridge stands before eth0"),
    ],
)
def test_ifupdown_what_a_bond_cannot_take_over_is_refused(tmp_path: Path, bond: MakeBond, text: str, words: str) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/network/interfaces", text)
    with pytest.raises(PrepareError, match=words):
        Ifupdown().bond(machine, bond)


def test_ifupdown_the_stanza_of_a_file_that_is_sourced_is_found(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/network/interfaces", "source interfaces.d/*\n")
    machine.write("/etc/network/interfaces.d/uplink", "auto eth0\niface eth0 inet manual\n")
    assert list(files(Ifupdown().bond(machine, BOND))) == ["/etc/network/interfaces.d/uplink"]
    assert bonded("", BOND) == ""


# ---------------------------------------------------------------------------------------------------------------- netplan

INSTALLERS = """\
# written by the installer
network:
  version: 2
  ethernets:
    eth0:
      match:
        macaddress: "02:00:00:00:00:01"
      set-name: eth0
      addresses:
      - 192.0.2.1/24
      routes:
        - to: default
          via: 192.0.2.254
    eth9: {dhcp4: true}
"""
OURS = """\
# Made by vxloom host apply; vxloom host undo removes it.
network:
  version: 2
  ethernets:
    eth1: {}
  bonds:
    bond0:
      interfaces: [eth0, eth1]
      macaddress: "02:00:00:00:00:01"
      parameters:
        mode: 802.3ad
        lacp-rate: fast
        transmit-hash-policy: layer3+4
        mii-monitor-interval: 100
        min-links: 1
      addresses:
      - 192.0.2.1/24
      routes:
        - to: default
          via: 192.0.2.254
"""


def test_netplan_what_is_said_of_the_card_is_said_of_the_bond(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/netplan/50-cloud-init.yaml", INSTALLERS)
    changes = Netplan().bond(machine, BOND)
    assert files(changes) == {
        "/etc/netplan/50-cloud-init.yaml": """\
# written by the installer
network:
  version: 2
  ethernets:
    eth0:
      match:
        macaddress: "02:00:00:00:00:01"
      set-name: eth0
    eth9: {dhcp4: true}
""",
        "/etc/netplan/zz-vxloom-bond0.yaml": OURS,
    }
    written(machine, changes)
    made = generated(machine)
    assert "Bond=bond0" in made["10-netplan-eth0.network"]
    assert "Bond=bond0" in made["10-netplan-eth1.network"]
    assert "192.0.2.1" not in made["10-netplan-eth0.network"]
    assert "Address=192.0.2.1/24\n" in made["10-netplan-bond0.network"]
    assert "Gateway=192.0.2.254\n" in made["10-netplan-bond0.network"]
    for line in ("Mode=802.3ad", "LACPTransmitRate=fast", "MIIMonitorSec=100ms", "MinLinks=1", "TransmitHashPolicy=layer3+4"):
        assert f"{line}\n" in made["10-netplan-bond0.netdev"]
    assert isinstance(changes[-1], MakeBond)
    assert changes[-1].commands == ["netplan apply"]


def test_netplan_a_bridge_gets_the_bond_for_a_port(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    text = (
        "network:\n  ethernets:\n    eth0: {}\n    eth1:\n      wakeonlan: true\n"
        "  bridges:\n    cloudbr0:\n      interfaces: [eth0]\n      dhcp4: true\n"
    )
    machine.write("/etc/netplan/a.yaml", text)
    changes = Netplan().bond(machine, BRIDGED)
    assert files(changes)["/etc/netplan/a.yaml"] == text.replace("[eth0]", "[bond0]")
    written(machine, changes)
    bond = Link(name="bond0", mtu=1500, up=True, kind="bond", master="cloudbr0", lower="", mac="", max_mtu=0)
    written(machine, Netplan().keep_mtu(machine, [bond], 9000))
    made = generated(machine)
    assert "Bridge=cloudbr0" in made["10-netplan-bond0.network"]
    assert "MTUBytes=9000" in made["10-netplan-bond0.network"]
    assert "Bond=bond0" in made["10-netplan-eth1.network"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("network:\n  ethernets:\n    eth0: {dhcp4: true}\n", "a form that is not taken apart"),
        ("network:\n  ethernets:\n    eth1:\n      dhcp4: true\n", "says more of eth1"),
        ("network:\n  ethernets:\n    eth0: {}\n", "no file of netplan says so"),
    ],
)
def test_netplan_what_is_not_understood_is_refused(tmp_path: Path, text: str, words: str) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/netplan/a.yaml", text)
    with pytest.raises(PrepareError, match=words):
        Netplan().bond(machine, BRIDGED)


# ---------------------------------------------------------------------------------------------------------------- NetworkManager

PROFILE = """\
[connection]
id=uplink
uuid=11111111-2222-3333-4444-555555555555
type=ethernet
autoconnect=true
interface-name=eth0

[ethernet]
mtu=9000

[ipv4]
address1=192.0.2.1/24,192.0.2.254
method=manual

[ipv6]
addr-gen-mode=default
method=auto

[proxy]
"""
CONNECTIONS = "/etc/NetworkManager/system-connections"


def network_manager(root: Path, file: str = f"{CONNECTIONS}/uplink.nmconnection") -> Machine:
    machine = Said(
        root,
        {
            "nmcli -g GENERAL.CON-UUID device show eth0": "11111111-2222-3333-4444-555555555555\n",
            "nmcli -g GENERAL.CON-UUID device show eth1": "--\n",
            "nmcli -t -f UUID,FILENAME": f"11111111-2222-3333-4444-555555555555:{file}\n",
        },
    )
    machine.write(file, PROFILE, 0o600)
    return machine


def test_network_manager_the_bonds_profile_takes_the_cards_place(tmp_path: Path) -> None:
    changes: list[AnyChange] = list(NetworkManager().bond(network_manager(tmp_path), BOND))
    found = files(changes)
    assert found[f"{CONNECTIONS}/uplink.nmconnection"] == PROFILE.replace("[connection]\n", "[connection]\nautoconnect=false\n").replace(
        "autoconnect=true\n", ""
    )
    bond = found[f"{CONNECTIONS}/vxloom-bond0.nmconnection"] or ""
    uuid = bond.split("uuid=")[1][:36]
    assert bond == (
        f"[connection]\nid=vxloom-bond0\nuuid={uuid}\ntype=bond\ninterface-name=bond0\n\n"
        "[ethernet]\ncloned-mac-address=02:00:00:00:00:01\nmtu=9000\n\n"
        "[bond]\nlacp_rate=fast\nmiimon=100\nmin_links=1\nmode=802.3ad\nxmit_hash_policy=layer3+4\n\n"
        "[ipv4]\naddress1=192.0.2.1/24,192.0.2.254\nmethod=manual\n\n[ipv6]\naddr-gen-mode=default\nmethod=auto\n\n[proxy]\n"
    )
    port = found[f"{CONNECTIONS}/vxloom-bond0-eth1.nmconnection"] or ""
    assert port.endswith(f"type=ethernet\ninterface-name=eth1\nmaster={uuid}\nslave-type=bond\n\n[ethernet]\n\n[bond-port]\n")
    assert all(change.mode == 0o600 for change in changes if isinstance(change, WriteFile))
    for text in (bond, port):
        assert tool("usr/bin/nmcli", "--offline", "connection", "modify", "connection.id", "x", text=text) == text.replace(
            "id=vxloom-bond0-eth1" if text == port else "id=vxloom-bond0", "id=x"
        ), "nmcli reads it, and would write the same"


def test_network_manager_a_profile_elsewhere_is_refused(tmp_path: Path) -> None:
    machine = network_manager(tmp_path, "/etc/sysconfig/network-scripts/ifcfg-eth0")
    machine.write("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\n")
    with pytest.raises(PrepareError, match="is no keyfile"):
        NetworkManager().bond(machine, BOND)
