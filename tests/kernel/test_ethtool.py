"""Offloads of a link by our ioctl, told beside `ethtool -k`."""

from __future__ import annotations

from tests.kernel.netns import Netns
from vxloom.dataplane import ethtool


def shown(netns: Netns) -> dict[str, bool]:
    """What `ethtool -k` calls on or off and not fixed; its own summaries of several features are none."""
    lines = netns.run("ethtool", "-k", "vxa0").splitlines()[1:]
    features = dict(line.strip().split(": ") for line in lines if "[fixed]" not in line)
    return {name: state.split()[0] == "on" for name, state in features.items()}


def test_features_are_those_of_ethtool(netns: Netns) -> None:
    netns.run("ip", "link", "add", "vxa0", "type", "veth", "peer", "name", "vxb0")
    ours, theirs = ethtool.features("vxa0"), shown(netns)
    assert {name: on for name, on in ours.items() if name in theirs} == {name: on for name, on in theirs.items() if name in ours}
    assert {"tx-udp_tnl-segmentation", "tx-scatter-gather"} <= ours.keys() & theirs.keys()
    assert ours["tx-udp_tnl-segmentation"]
    netns.run("ethtool", "-K", "vxa0", "tx-udp_tnl-segmentation", "off")
    changed = ethtool.features("vxa0")
    assert {name for name in ours if ours[name] != changed[name]} == {"tx-udp_tnl-segmentation"}


def test_a_link_that_is_gone_or_no_name_of_one_has_none() -> None:
    assert ethtool.features("gone0") == {}
    assert ethtool.features("") == {}
    assert ethtool.features("a-name-longer-than-any-link") == {}
