"""Folders that look like /sys and /proc."""

from __future__ import annotations

from pathlib import Path


class Tree:
    """A machine's /sys and /proc below a folder."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.proc = folder / "sys", folder / "proc"
        (self.sys / "class" / "net").mkdir(parents=True)
        self.write("proc/sys/kernel/random/boot_id", "boot-1")
        self.folder = folder

    def write(self, name: str, value: object) -> Path:
        file = self.sys.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value if isinstance(value, bytes) else f"{value}\n".encode())
        return file

    def chip(self, number: int, kind: str, place: str = "", **files: object) -> Path:
        folder = self.sys / "class" / "hwmon" / f"hwmon{number}"
        folder.mkdir(parents=True)
        self.write(f"sys/class/hwmon/{folder.name}/name", kind)
        if place:
            device = self.sys / "devices" / place
            device.mkdir(parents=True, exist_ok=True)
            (folder / "device").symlink_to(device)
        for name, value in files.items():
            self.write(f"sys/class/hwmon/{folder.name}/{name}", value)
        return folder

    def link(self, name: str, *, card: str = "", lower: tuple[str, ...] = (), **files: object) -> Path:
        folder = self.sys / "class" / "net" / name
        folder.mkdir()
        if card:
            device = self.sys / "devices" / card
            device.mkdir(parents=True, exist_ok=True)
            (folder / "device").symlink_to(device)
        for one in lower:
            (folder / f"lower_{one}").symlink_to(self.sys / "class" / "net" / one)
        for key, value in ({"carrier": 1, "speed": 10000, "duplex": "full"} | files).items():
            self.write(f"sys/class/net/{name}/{key}", value)
        self.count(name)
        return folder

    def count(self, name: str, **totals: int) -> None:
        for key, value in ({"rx_errors": 0, "tx_errors": 0, "rx_dropped": 0, "tx_dropped": 0} | totals).items():
            self.write(f"sys/class/net/{name}/statistics/{key}", value)

    def bond(self, name: str, *legs: str, mode: str = "802.3ad 4", aggregator: int = 1, partner: str = "02:00:00:00:00:aa") -> None:
        self.link(name, lower=legs)
        for key, value in (("mode", mode), ("slaves", " ".join(legs)), ("ad_aggregator", aggregator), ("ad_partner_mac", partner)):
            self.write(f"sys/class/net/{name}/bonding/{key}", value)
        for leg in legs:
            self.leg(leg, aggregator=aggregator)

    def leg(self, name: str, *, up: bool = True, aggregator: int = 1, state: int = 0x3D) -> None:
        folder = f"sys/class/net/{name}/bonding_slave"
        self.write(f"{folder}/mii_status", "up" if up else "down")
        self.write(f"{folder}/ad_aggregator_id", aggregator)
        self.write(f"{folder}/ad_partner_oper_port_state", state)

    def snmp(self, *, reassembled: int = 0, failed: int = 0, six: int = 0) -> None:
        head = "Ip: Forwarding ReasmReqds ReasmFails FragFails FragCreates\n"
        self.write("proc/net/snmp", f"{head}Ip: 1 {reassembled} {failed} 0 0\nIcmp: InMsgs\nIcmp: 7")
        self.write("proc/net/snmp6", f"Ip6InReceives 5\nIp6ReasmReqds {six}\nIp6FragFails 0")
