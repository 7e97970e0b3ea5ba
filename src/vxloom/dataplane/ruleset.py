"""The rules of our nftables table, and what one port's filter is in its sets. Pure.

A frame's way. *prerouting* (before the bridge learns: a drop in *forward* would still learn a spoofed MAC (measured)):
``ports`` says by the tap's name whether the tap is bound, and whether its addresses are checked. Then the source MAC, then by
ethertype the sender of ARP, IPv4, IPv6 or ND. Cost: one hash lookup for the tap, one for the MAC, one for the address, however
many ports there are. *forward*: between a port of ours and one that is not ours nothing passes (there is no ``meta ibrname`` on
all kernels, so bridges cannot be told by name): ours are ``taps`` and, by link group, the VXLAN devices.

Unknown unicast is dropped by the bridge (no port floods it), which counts nothing. So unicast is counted where it enters and
where it leaves: the difference reached no port. That costs a comparison and a counter per frame twice, and no set that would
grow with the remote MACs; a sink port per bridge would count exactly but cost two links a segment. What it counts besides:
unicast to the bridge's own MAC, or to a port that is down.

Chains are entered by ``goto``, so a chain's end is the hook's policy, accept.

Limits of nft 1.0.6, whose syntax this is (Debian 12): no name for ND's target and options in bridge sets, so they are raw
offsets; only the first ND option is looked at.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

from vxloom.errors import IntentError
from vxloom.model.addresses import format_mac, parse_mac
from vxloom.model.state import OVERLAY_GROUP, PortFilter

TABLE: Final = "vxloom"
COUNTERS: Final = ("spoofed_mac", "spoofed_ip", "spoofed_arp", "spoofed_nd", "dhcp_server", "bad_ethertype", "stray")
"""Drops by reason. ``unicast_in`` and ``unicast_out`` besides: their difference is unknown unicast."""
CHECKED: Final = "checked"
UNCHECKED: Final = "unchecked"
MARK_PREFIX: Final = "rules_"
"""An empty chain named ``rules_<version>_<digest of the listing>`` says what the rules looked like when they were made."""

RULES: Final = f"""
table bridge {TABLE} {{
  counter unicast_in {{ }}
  counter unicast_out {{ }}
  counter spoofed_mac {{ }}
  counter spoofed_ip {{ }}
  counter spoofed_arp {{ }}
  counter spoofed_nd {{ }}
  counter dhcp_server {{ }}
  counter bad_ethertype {{ }}
  counter stray {{ }}
  set taps {{ type ifname; }}
  map ports {{ type ifname : verdict; }}
  set macs {{ typeof iifname . ether saddr; }}
  set raw_macs {{ typeof iifname . @th,208,48; }}
  set ipv4 {{ typeof iifname . ip saddr; }}
  set ipv6 {{ typeof iifname . @nh,64,128; }}
  set local6 {{ typeof iifname . @nh,64,128; }}
  chain admitted {{
    meta pkttype other counter name unicast_in
  }}
  chain own_ip4 {{
    udp sport 67 udp dport 68 counter name dhcp_server drop
    goto admitted
  }}
  chain checked_ip4 {{
    iifname . ip saddr @ipv4 goto own_ip4
    ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 goto admitted
    counter name spoofed_ip drop
  }}
  chain proper_arp {{
    arp htype != 1 counter name spoofed_arp drop
    arp ptype != ip counter name spoofed_arp drop
    arp hlen != 6 counter name spoofed_arp drop
    arp plen != 4 counter name spoofed_arp drop
    iifname . arp saddr ether != @macs counter name spoofed_arp drop
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
    iifname . @nh,64,48 @raw_macs goto admitted
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
    @th,192,8 2 iifname . @th,208,48 != @raw_macs counter name spoofed_nd drop
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
    @th,192,8 1 iifname . @th,208,48 != @raw_macs counter name spoofed_nd drop
    goto source_ip6
  }}
  chain checked_rs {{
    ip6 saddr :: goto admitted
    @th,64,8 1 iifname . @th,80,48 != @raw_macs counter name spoofed_nd drop
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
    iifname . ether saddr != @macs counter name spoofed_mac drop
    ether type ip goto checked_ip4
    ether type ip6 goto checked_ip6
    ether type arp goto checked_arp
    ether type 0x8035 goto rarp
    counter name bad_ethertype drop
  }}
  chain {UNCHECKED} {{
    iifname . ether saddr != @macs counter name spoofed_mac drop
    ether type ip goto admitted
    ether type ip6 goto admitted
    ether type arp goto unchecked_arp
    ether type 0x8035 goto rarp
    counter name bad_ethertype drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    iifname vmap @ports
    meta iifgroup {OVERLAY_GROUP} meta pkttype other counter name unicast_in
  }}
  chain forwarded {{
    meta pkttype other counter name unicast_out
  }}
  chain from_ours {{
    meta oifgroup {OVERLAY_GROUP} goto forwarded
    oifname @taps goto forwarded
    counter name stray drop
  }}
  chain stray {{
    counter name stray drop
  }}
  chain forward {{
    type filter hook forward priority -300; policy accept;
    meta iifgroup {OVERLAY_GROUP} goto from_ours
    iifname @taps goto from_ours
    meta oifgroup {OVERLAY_GROUP} goto stray
    oifname @taps goto stray
  }}
}}
"""

SETS: Final = ("taps", "ports", "macs", "raw_macs", "ipv4", "ipv6", "local6")
_NAME: Final = re.compile(r"[A-Za-z0-9_.:@+=,-]{1,15}")
_UNIVERSAL: Final = 0x0200_0000_0000


class Element(NamedTuple):
    """One element: of which set, of which tap, and the rest of its key (of ``ports`` its chain); "" in ``taps``."""

    set: str
    tap: str
    value: str


def elements_of(port: PortFilter) -> frozenset[Element]:
    """Return a port's filter as elements. Raises :class:`IntentError` for a tap whose name nft could misread."""
    tap = port.tap
    if not _NAME.fullmatch(tap):
        raise IntentError(f"tap {tap!r} has a name that cannot be filtered", remedy="rename it: letters, digits and _.:@+=,- only")
    found = {Element("taps", tap, ""), Element("ports", tap, CHECKED if port.checked else UNCHECKED)}
    for mac in port.macs:
        number = parse_mac(mac)
        found |= {
            Element("macs", tap, format_mac(number)),
            Element("raw_macs", tap, _raw(number)),
            Element("local6", tap, link_local(number)),
        }
    for ip in port.ips:
        address = ipaddress.ip_address(ip)
        version4 = isinstance(address, ipaddress.IPv4Address)
        found.add(Element("ipv4", tap, str(address)) if version4 else Element("ipv6", tap, _raw(int(address))))
    return frozenset(found)


def port_of(tap: str, elements: frozenset[Element]) -> PortFilter:
    """Return the filter some elements make. It has no MAC if its sets contradict one another or the tap is not in force, so that
    whatever is amiss differs from what is wanted.
    """
    by_set = {name: {element.value for element in elements if element.set == name} for name in SETS}
    numbers = {_number(mac) for mac in by_set["macs"]}
    agree = by_set["raw_macs"] == set(map(_raw, numbers)) and by_set["local6"] == set(map(link_local, numbers))
    in_force = by_set["taps"] and by_set["ports"] in ({CHECKED}, {UNCHECKED})
    ips = by_set["ipv4"] | {str(ipaddress.IPv6Address(int(value, 16))) for value in by_set["ipv6"]}
    macs = frozenset(by_set["macs"] if agree and in_force else ())
    return PortFilter(tap, macs, frozenset(ips), checked=UNCHECKED not in by_set["ports"])


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


def _key(element: Element, verb: str) -> str:
    if element.set == "taps":
        return f'"{element.tap}"'
    if element.set == "ports":
        return f'"{element.tap}" : goto {element.value}' if verb == "add" else f'"{element.tap}"'
    return f'"{element.tap}" . {element.value}'


def _raw(number: int) -> str:
    return f"{number:#x}"


def _number(mac: str) -> int:
    return int(mac.replace(":", ""), 16)
