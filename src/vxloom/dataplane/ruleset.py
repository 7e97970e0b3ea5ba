"""The rules of our nftables table, and what one port's filter is in its sets. Pure.

A frame's way. *prerouting* (before the bridge learns: a drop in *forward* would still learn a spoofed MAC (measured)): what
comes from the overlay is admitted. From a bound tap, IPv4 of a checked port is admitted by one lookup of tap, MAC, ethertype and
address in ``senders``. Anything else is looked up by tap and MAC in ``ports``, which says whether addresses are checked; then by
ethertype the sender of ARP, IPv6 or ND. What no element admits is dropped. *forward*: between a port of ours and one that is
not ours nothing passes (there is no ``meta ibrname`` on all kernels, so bridges cannot be told by name).

*input*: nothing reaches the host itself. A bridge of ours has no address, but Linux answers ARP for any address of the host on any
link (the weak host model), and takes packets for it. Copies of broadcasts go silently: every guest's ARP makes one. What suppression
answers, the bridge answers before this hook.

Whose a link is, is told by link group first, since comparing a number costs a third of looking up a name (measured). A tap
that has lost its group is still known by its name in ``taps``: slower, not less safe. A link that has the group of taps and no
element may not send.

Unknown unicast is dropped by the bridge (no port floods it), which counts nothing. So unicast is counted where it enters and
where it leaves: the difference reached no port. That costs a comparison and a counter per frame twice, and no set that would
grow with the remote MACs; a sink port per bridge would count exactly but cost two links a segment. What it counts besides: unicast
to a port that is down. The counters are in their rules, as a named one costs the packet more (measured). Their chains stand beside
one another, so that one dump reads them at nearly the same moment.

What a frame costs is what is asked of it. Measured on Linux 6.18, a comparison included: 9 ns for up to four bytes at a fixed place of
the network or transport header, 15 for a group, packet type or protocol of ``meta``, 45 for anything of the Ethernet header (so MAC and
ethertype are one load) and for a name, 12 for a counter, up to 28 for ``goto``, 60 for a lookup, 30 for a hook. So the frames that
are nearly all, unicast of the overlay and IPv4 unicast of checked ports, are decided in the base chains, each by one rule. What
such a rule does not take comes to the rules behind it, which hold for every frame.

What a guest sends to all or to a group is copied to every port and every host of its segment. Each port of ``storms`` may send so many
a second; what is over is dropped and counted, by its element too. Unicast never comes to that rule: its branch is told by the
comparison that counts it anyway.

A guest that bridges two of its cards, or a tunnel, sends back what it hears. That has another's MAC, so it is dropped like any such frame;
``echoes`` keeps for a while at which port whose frames came in, by which a loop is told.

Chains are entered by ``goto``, so a chain's end is the hook's policy, accept.

Limits of nft 1.0.6, whose syntax this is (Debian 12): no name for ND's target and options in bridge sets, so they are raw
offsets; only the first ND option is looked at.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from vxloom.errors import IntentError
from vxloom.model.addresses import format_mac, parse_mac
from vxloom.model.state import OVERLAY_GROUP, TAP_GROUP, PortFilter

TABLE: Final = "vxloom"
COUNTERS: Final = (
    *("spoofed_mac", "spoofed_ip", "spoofed_arp", "spoofed_nd", "dhcp_server"),
    *("bad_ethertype", "storm", "stray", "to_host"),
)
"""Drops by reason."""
ADMITTED, FORWARDED = "admitted", "forwarded"
ENTERED: Final = (ADMITTED, "prerouting")
LEFT: Final = ("forward", FORWARDED)
"""The chains whose rules count unicast that entered and that left: their difference is unknown unicast."""
LIMITS: Final = "storms"
"""The set of limits: an element lets the rule go on, to its drop, only for frames over the limit, and counts those."""
ECHOES: Final = "echoes"
"""The set of tap and MAC of frames that came in lately under a MAC that is not the port's, with a counter each."""
REMEMBERED: Final = 20
"""Seconds after the last such frame until it is forgotten."""
CHECKED: Final = "checked"
UNCHECKED: Final = "unchecked"

_EITHER: Final = 0xFFFF_FFFE
_OURS: Final = OVERLAY_GROUP & _EITHER
"""What the groups of the overlay and of taps have in common."""
_AMONG_OURS: Final = f"meta iifgroup & {_EITHER:#x} == {_OURS:#x} meta oifgroup & {_EITHER:#x} == {_OURS:#x}"
_SENDER: Final = "iifname . @ll,48,64 . @nh,96,32"
"""Tap; source MAC and ethertype, which say together that what follows is IPv4 (a tagged frame has its tag's); source address."""
_PLAIN: Final = f"@nh,0,8 0x45 @th,0,32 != {67 << 16 | 68:#x}"
"""Worth the lookup: it begins as IPv4 without options does, and not with the ports of what a DHCP server says to its clients."""

RULES: Final = f"""
table bridge {TABLE} {{
  counter spoofed_mac {{ }}
  counter spoofed_ip {{ }}
  counter spoofed_arp {{ }}
  counter spoofed_nd {{ }}
  counter dhcp_server {{ }}
  counter bad_ethertype {{ }}
  counter storm {{ }}
  counter stray {{ }}
  counter to_host {{ }}
  set taps {{ type ifname; }}
  map ports {{ type ifname . ether_addr : verdict; }}
  set senders {{ typeof iifname . @ll,48,64 . @nh,96,32; }}
  set macs {{ typeof iifname . @th,208,48; }}
  set ipv4 {{ typeof iifname . ip saddr; }}
  set ipv6 {{ typeof iifname . @nh,64,128; }}
  set local6 {{ typeof iifname . @nh,64,128; }}
  set {LIMITS} {{ type ifname; limit rate over 1/second burst 1 packets counter; }}
  set {ECHOES} {{ typeof iifname . ether saddr; size 4096; flags dynamic,timeout; timeout {REMEMBERED}s; }}
  chain to_many {{
    meta pkttype != host iifname @{LIMITS} counter name storm drop
  }}
  chain {ADMITTED} {{
    meta pkttype != other goto to_many
    counter
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    meta iifgroup {OVERLAY_GROUP} meta pkttype other counter accept
    meta iifgroup {TAP_GROUP} {_PLAIN} {_SENDER} @senders meta pkttype other counter accept
    meta iifgroup {OVERLAY_GROUP} accept
    meta iifgroup {TAP_GROUP} goto tap
    iifname @taps goto tap
  }}
  chain forward {{
    type filter hook forward priority -300; policy accept;
    {_AMONG_OURS} meta pkttype other counter accept
    {_AMONG_OURS} accept
    meta iifgroup {OVERLAY_GROUP} goto from_ours
    iifname @taps goto from_ours
    meta oifgroup {OVERLAY_GROUP} goto stray
    oifname @taps goto stray
  }}
  chain {FORWARDED} {{
    meta pkttype other counter
  }}
  chain spoofed {{
    update @{ECHOES} {{ iifname . ether saddr counter }}
    counter name spoofed_mac drop
  }}
  chain own_ip4 {{
    udp sport 67 udp dport 68 counter name dhcp_server drop
    goto admitted
  }}
  chain checked_ip4 {{
    ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 goto admitted
    counter name spoofed_ip drop
  }}
  chain proper_arp {{
    arp htype != 1 counter name spoofed_arp drop
    arp ptype != ip counter name spoofed_arp drop
    arp hlen != 6 counter name spoofed_arp drop
    arp plen != 4 counter name spoofed_arp drop
    iifname . @nh,64,48 != @macs counter name spoofed_arp drop
  }}
  chain checked_arp {{
    jump proper_arp
    iifname . arp saddr ip @ipv4 goto admitted
    arp saddr ip 0.0.0.0 iifname . arp daddr ip @ipv4 goto admitted
    counter name spoofed_arp drop
  }}
  chain unchecked_arp {{
    jump proper_arp
    goto admitted
  }}
  chain rarp {{
    iifname . @nh,64,48 @macs goto admitted
    counter name spoofed_arp drop
  }}
  chain own_ip6 {{
    udp sport 547 udp dport 546 counter name dhcp_server drop
    goto admitted
  }}
  chain source_ip6 {{
    iifname . @nh,64,128 @ipv6 goto own_ip6
    iifname . @nh,64,128 @local6 goto own_ip6
    counter name spoofed_ip drop
  }}
  chain advertised {{
    @th,192,8 2 iifname . @th,208,48 != @macs counter name spoofed_nd drop
    goto source_ip6
  }}
  chain checked_na {{
    iifname . @th,64,128 @ipv6 goto advertised
    iifname . @th,64,128 @local6 goto advertised
    counter name spoofed_nd drop
  }}
  chain checked_dad {{
    iifname . @th,64,128 @ipv6 goto admitted
    iifname . @th,64,128 @local6 goto admitted
    counter name spoofed_nd drop
  }}
  chain checked_ns {{
    ip6 saddr :: goto checked_dad
    @th,192,8 1 iifname . @th,208,48 != @macs counter name spoofed_nd drop
    goto source_ip6
  }}
  chain checked_rs {{
    ip6 saddr :: goto admitted
    @th,64,8 1 iifname . @th,80,48 != @macs counter name spoofed_nd drop
    goto source_ip6
  }}
  chain checked_icmp6 {{
    icmpv6 type nd-neighbor-solicit goto checked_ns
    icmpv6 type nd-neighbor-advert goto checked_na
    icmpv6 type nd-router-solicit goto checked_rs
    icmpv6 type nd-router-advert counter name spoofed_nd drop
    icmpv6 type nd-redirect counter name spoofed_nd drop
    ip6 saddr :: icmpv6 type mld2-listener-report goto admitted
    ip6 saddr :: icmpv6 type mld-listener-report goto admitted
    ip6 saddr :: icmpv6 type mld-listener-done goto admitted
    goto source_ip6
  }}
  chain checked_ip6 {{
    meta l4proto ipv6-icmp goto checked_icmp6
    goto source_ip6
  }}
  chain {CHECKED} {{
    ether type ip goto checked_ip4
    ether type ip6 goto checked_ip6
    ether type arp goto checked_arp
    ether type 0x8035 goto rarp
    counter name bad_ethertype drop
  }}
  chain {UNCHECKED} {{
    ether type ip goto admitted
    ether type ip6 goto admitted
    ether type arp goto unchecked_arp
    ether type 0x8035 goto rarp
    counter name bad_ethertype drop
  }}
  chain tap {{
    ether type ip {_SENDER} @senders goto own_ip4
    iifname . ether saddr vmap @ports
    goto spoofed
  }}
  chain from_ours {{
    meta oifgroup {OVERLAY_GROUP} goto forwarded
    oifname @taps goto forwarded
    counter name stray drop
  }}
  chain stray {{
    counter name stray drop
  }}
  chain to_host {{
    meta pkttype host counter name to_host drop
    drop
  }}
  chain input {{
    type filter hook input priority -300; policy accept;
    meta iifgroup & {_EITHER:#x} == {_OURS:#x} goto to_host
    iifname @taps goto to_host
  }}
}}
"""

SETS: Final = ("taps", "ports", "senders", "macs", "ipv4", "ipv6", "local6", LIMITS)
RAW: Final = frozenset({"senders", "macs", "ipv6", "local6"})
"""Sets whose keys nft shows as numbers after the tap's name."""
NOBODY: Final = "00:00:00:00:00:00"
"""The MAC under which a port without MACs stands in ``ports``. A bridge drops what it sends before any hook (``br_handle_frame``)."""
AMISS: Final = "sets that contradict one another"
_NAME: Final = re.compile(r"[A-Za-z0-9_.:@+=,-]{1,15}")
_UNIVERSAL: Final = 0x0200_0000_0000
_IPV4: Final = 0x0800


class Element(NamedTuple):
    """One element: of which set, of which tap, the rest of its key ("" in ``taps``), and in ``ports`` the chain it leads to.

    In ``storms`` the key is the tap alone, and ``value`` the frames a second.
    """

    set: str
    tap: str
    value: str
    chain: str = ""


def elements_of(port: PortFilter) -> frozenset[Element]:
    """Return a port's filter as elements. Raises :class:`IntentError` for a tap whose name nft could misread."""
    tap = port.tap
    if not _NAME.fullmatch(tap):
        raise IntentError(f"tap {tap!r} has a name that cannot be filtered", remedy="rename it: letters, digits and _.:@+=,- only")
    numbers = set(map(parse_mac, port.macs))
    addresses = set(map(ipaddress.ip_address, port.ips))
    ipv4 = {str(ip) for ip in addresses if isinstance(ip, ipaddress.IPv4Address)}
    macs = set(map(format_mac, numbers))
    chain = CHECKED if port.checked else UNCHECKED
    found = {Element("taps", tap, "")}
    found |= {Element("ports", tap, mac, chain) for mac in macs or {NOBODY}}
    found |= {Element("senders", tap, sender) for sender in _senders(macs, ipv4, chain)}
    found |= {Element("macs", tap, _raw(number)) for number in numbers}
    found |= {Element("local6", tap, link_local(number)) for number in numbers}
    found |= {Element("ipv4", tap, ip) for ip in ipv4}
    found |= {Element("ipv6", tap, _raw(int(ip))) for ip in addresses if isinstance(ip, ipaddress.IPv6Address)}
    found |= {Element(LIMITS, tap, str(port.storm_limit))} if port.storm_limit else set()
    return frozenset(found)


def port_of(tap: str, elements: frozenset[Element]) -> PortFilter:
    """Return the filter some elements make. Among its MACs is :data:`AMISS` if the sets contradict one another or the tap is not
    in force, so that it differs from what is wanted.
    """
    by_set = {name: {element.value for element in elements if element.set == name} for name in SETS}
    chains = {element.chain for element in elements if element.set == "ports"}
    macs = by_set["ports"] - {NOBODY}
    numbers = {_number(mac) for mac in macs}
    agree = (
        by_set["taps"]
        and chains in ({CHECKED}, {UNCHECKED})
        and by_set["senders"] == _senders(macs, by_set["ipv4"], *chains)
        and by_set["macs"] == set(map(_raw, numbers))
        and by_set["local6"] == set(map(link_local, numbers))
        and all(limit.isdigit() for limit in by_set[LIMITS])
    )
    ips = by_set["ipv4"] | {str(ipaddress.IPv6Address(int(value, 16))) for value in by_set["ipv6"]}
    limit = int(*by_set[LIMITS]) if agree and by_set[LIMITS] else 0
    return PortFilter(tap, frozenset(macs if agree else {*macs, AMISS}), frozenset(ips), UNCHECKED not in chains, limit)


def commands(verb: str, elements: frozenset[Element]) -> str:
    """Return the nft commands that add or delete elements: one per set."""
    lines: list[str] = []
    for name in SETS:
        keys = [_key(element, verb) for element in sorted(elements) if element.set == name]
        if keys:
            lines.append(f"{verb} element bridge {TABLE} {name} {{ {', '.join(keys)} }}")
    return "\n".join(lines)


def link_local(mac: int) -> str:
    """Return the raw form of the link-local address made from a MAC (RFC 4291 appendix A)."""
    flipped = mac ^ _UNIVERSAL
    return _raw(0xFE80 << 112 | (flipped >> 24) << 40 | 0xFFFE << 24 | flipped & 0xFF_FFFF)


def sender(mac: str, ip: str) -> str:
    """Return what stands behind the tap's name in ``senders``: MAC and ethertype, and the address."""
    return f"{_raw(_number(mac) << 16 | _IPV4)} . {_raw(int(ipaddress.IPv4Address(ip)))}"


def _key(element: Element, verb: str) -> str:
    if element.set == "taps":
        return f'"{element.tap}"'
    if element.set == LIMITS:  # a second's worth may come at once
        limit = f" limit rate over {element.value}/second burst {element.value} packets counter" if verb == "add" else ""
        return f'"{element.tap}"{limit}'
    chain = f" : goto {element.chain}" if element.chain and verb == "add" else ""
    return f'"{element.tap}" . {element.value}{chain}'


def _senders(macs: Iterable[str], ipv4: Iterable[str], chain: str) -> set[str]:
    """Return the keys that admit IPv4 by one lookup. Unchecked ports have none: they need no address."""
    return set(itertools.starmap(sender, itertools.product(macs, ipv4))) if chain == CHECKED else set()


def _raw(number: int) -> str:
    return f"{number:#x}"


def _number(mac: str) -> int:
    return int(mac.replace(":", ""), 16)
