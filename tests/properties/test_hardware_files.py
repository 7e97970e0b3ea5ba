"""Whatever stands in the files of /sys and /proc, looking at them ends well, and within bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.hardware.tree import Tree
from vxloom.agent.hardware import HardwareWatch
from vxloom.agent.hardware.optics import OpticsReader, parse
from vxloom.agent.hardware.sensors import COLDEST, HOTTEST
from vxloom.model.wire import Report, decode_from_agent, encode

JUNK = st.one_of(
    st.binary(max_size=40),
    st.integers(-(2**70), 2**70).map(lambda number: str(number).encode()),
    st.sampled_from([b"Ip: A ReasmReqds\nIp: 1 7", b"Ip6ReasmReqds 7", b"up", b"eth0 eth1", b"802.3ad 4"]),
)
FILES = (
    "hwmon/hwmon0/temp1_input", "hwmon/hwmon0/temp1_crit", "hwmon/hwmon0/temp1_crit_alarm", "hwmon/hwmon0/name",
    "thermal/thermal_zone0/temp", "thermal/thermal_zone0/type",
    "net/bond0/bonding/mode", "net/bond0/bonding/slaves", "net/bond0/bonding/ad_aggregator", "net/bond0/bonding/ad_partner_mac",
    "net/eth0/speed", "net/eth0/carrier", "net/eth0/duplex", "net/eth0/statistics/rx_errors", "net/eth0/statistics/tx_dropped",
    "net/eth0/bonding_slave/mii_status", "net/eth0/bonding_slave/ad_aggregator_id",
)  # fmt: skip


@given(contents=st.lists(JUNK, min_size=2 * len(FILES), max_size=2 * len(FILES)), snmp=st.tuples(JUNK, JUNK))
def test_a_look_at_junk_is_a_report_within_bounds(contents: list[bytes], snmp: tuple[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder))
        tree.link("eth0", card="0000:03:00.0")
        tree.bond("bond0", "eth0")
        watch = HardwareWatch(lambda: ("bond0",), tree.folder / "kept", sys=tree.sys, proc=tree.proc, reader=OpticsReader("/bin/false"))
        for turn in range(2):
            for file, content in zip(FILES, contents[turn::2], strict=True):
                tree.write(f"sys/class/{file}", content)
            for file, content in zip(("snmp", "snmp6"), snmp, strict=True):
                tree.write(f"proc/net/{file}", content)
            seen = watch.look(turn * 10.0)
        assert all(COLDEST <= sensor.celsius <= HOTTEST for sensor in seen.sensors)
        assert all(link.speed >= 0 and link.errors >= 0 and link.drops >= 0 for link in seen.links)
        body = encode(Report(True, hardware=seen))[4:]
        assert decode_from_agent(body) == Report(True, hardware=seen)
        assert len(body) < 16_384


@given(said=st.text(max_size=2000))
def test_whatever_ethtool_says_is_read(said: str) -> None:
    seen = parse("eth0", said)
    assert seen.power is None or seen.power > -40
