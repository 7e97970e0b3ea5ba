"""The bench of the driver laws on the real kernel: the person at the keyboard is iproute2 and nft."""

from __future__ import annotations

import json

from tests.kernel.netns import Netns
from vxloom.dataplane.driver import Driver
from vxloom.dataplane.host import HostDataplane
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows
from vxloom.model.state import MARK, Bridge, SegmentRows, VxlanDevice


class KernelBench:
    """One network namespace. Call within it."""

    def __init__(self, netns: Netns) -> None:
        self._netns = netns
        self._plugged: set[str] = set()
        self._host = HostDataplane()
        self._others: list[HostDataplane] = []
        self.driver: Driver = self._host

    def close(self) -> None:
        self._host.close()
        for other in self._others:
            other.close()

    def another_driver(self) -> Driver:
        self._others.append(HostDataplane())
        return self._others[-1]

    def plug(self, tap: str) -> None:
        if tap not in self._plugged:
            self.run("ip", "tuntap", "add", tap, "mode", "tap")
            self.run("ip", "link", "set", tap, "up")
            self._plugged.add(tap)

    def delete_link(self, name: str) -> None:
        self.run("ip", "link", "del", name)
        self._plugged.discard(name)

    def attach(self, name: str, bridge: str) -> None:
        # A bridge that is not there yet: the other software makes it later than it plugs, so nothing is attached.
        if self._netns.run("ip", "link", "show", bridge, check=False):
            self.run("ip", "link", "set", name, "master", bridge)

    def detach(self, name: str) -> None:
        self.run("ip", "link", "set", name, "nomaster")

    def set_mac(self, name: str, mac: str) -> None:
        self.run("ip", "link", "set", name, "address", mac)

    def set_down(self, name: str) -> None:
        self.run("ip", "link", "set", name, "down")

    def unlock(self, tap: str) -> None:
        self.run("bridge", "link", "set", "dev", tap, "locked", "off", "learning", "on")

    def flush_filters(self) -> None:
        self.run("nft", "flush", "ruleset")

    def forget(self, vni: int, rows: SegmentRows) -> None:
        vxlan, bridge = f"vxlan{vni}", f"brvx-{vni}"
        commands = [f"fdb del {format_mac(mac)} dev {vxlan} dst {unpack_ip(hi, lo)} self" for mac, hi, lo in _tuples(rows.fdb)]
        commands += [f"fdb del {format_mac(mac)} dev {vxlan} master" for (mac,) in _tuples(rows.bridged)]
        commands += [f"fdb del 00:00:00:00:00:00 dev {vxlan} dst {unpack_ip(hi, lo)} self" for hi, lo in _tuples(rows.flood)]
        self._netns.run("bridge", "-batch", "-", stdin="\n".join(commands))
        neighbours = [f"neigh del {unpack_ip(hi, lo)} dev {bridge}" for hi, lo, _ in _tuples(rows.neighbours)]
        self._netns.run("ip", "-batch", "-", stdin="\n".join(neighbours))

    def add_foreign(self, link: Bridge | VxlanDevice) -> None:
        if isinstance(link, Bridge):
            self.run("ip", "link", "add", link.name, "address", link.mac, "type", "bridge")
        else:
            options = ("id", str(link.vni), "local", link.local, "dstport", str(link.udp_port))
            self.run("ip", "link", "add", link.name, "type", "vxlan", *options)
        self.run("ip", "link", "set", link.name, "up")

    def foreign(self) -> str:
        links = json.loads(self.run("ip", "-json", "-details", "link"))
        strange = [each for each in links if each["ifname"] not in self._plugged and not _marked(each)]
        names = {each["ifname"] for each in strange}
        for each in strange:
            each.pop("operstate", None)  # settles a moment after the link is made
            data = each.get("linkinfo", {}).get("info_data", {})
            for timer in [key for key in data if key.endswith("_timer")]:
                del data[timer]
        rows = [row for row in json.loads(self.run("bridge", "-json", "fdb")) if row.get("ifname") in names]
        tables = [
            line for line in self.run("nft", "list", "tables").splitlines() if line not in {"table bridge vxloom", "table inet vxloom"}
        ]
        return json.dumps([strange, rows, tables], indent=1, sort_keys=True)

    def run(self, *command: str) -> str:
        return self._netns.run(*command)


def _marked(link: dict[str, list[str]]) -> bool:
    return any(name.startswith(f"{MARK}-") for name in link.get("altnames", []))


def _tuples(rows: Rows) -> list[tuple[int, ...]]:
    return rows.tolist()
