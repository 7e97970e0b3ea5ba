"""Numbers of the kernel's rtnetlink interface that Python's ``socket`` does not name.

Sources: linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h, linux/if_link.h, linux/if_bridge.h.
"""

from __future__ import annotations

from typing import Final

# Sockets
SOL_NETLINK: Final = 270
SO_RCVBUFFORCE: Final = 33
SO_SNDBUFFORCE: Final = 32
NETLINK_ADD_MEMBERSHIP: Final = 1
NETLINK_CAP_ACK: Final = 10
NETLINK_EXT_ACK: Final = 11
NETLINK_GET_STRICT_CHK: Final = 12
RTNLGRP_LINK: Final = 1
RTNLGRP_NEIGH: Final = 3

# Message headers
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x1
NLM_F_MULTI: Final = 0x2
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200
NLM_F_DUMP: Final = 0x300
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
NLMSGERR_ATTR_MSG: Final = 1

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_SETLINK: Final = 19
RTM_NEWNEIGH: Final = 28
RTM_DELNEIGH: Final = 29
RTM_GETNEIGH: Final = 30
RTM_NEWLINKPROP: Final = 108
RTM_DELLINKPROP: Final = 109

NLA_F_NESTED: Final = 0x8000
NLA_TYPE_MASK: Final = 0x3FFF

# Address families
AF_UNSPEC: Final = 0
AF_INET: Final = 2
AF_BRIDGE: Final = 7
AF_INET6: Final = 10

# Neighbours and FDB rows (struct ndmsg and its attributes)
NDA_DST: Final = 1
NDA_LLADDR: Final = 2
NDA_CACHEINFO: Final = 3
NDA_PROBES: Final = 4
NDA_VLAN: Final = 5
NDA_PORT: Final = 6
NDA_VNI: Final = 7
NDA_IFINDEX: Final = 8
NDA_MASTER: Final = 9
NDA_LINK_NETNSID: Final = 10
NDA_SRC_VNI: Final = 11
NDA_PROTOCOL: Final = 12
NDA_NH_ID: Final = 13
NDA_FDB_EXT_ATTRS: Final = 14
NDA_FLAGS_EXT: Final = 15

NTF_USE: Final = 0x01
NTF_SELF: Final = 0x02
NTF_MASTER: Final = 0x04
NTF_PROXY: Final = 0x08
NTF_EXT_LEARNED: Final = 0x10
NTF_OFFLOADED: Final = 0x20
NTF_STICKY: Final = 0x40
NTF_ROUTER: Final = 0x80

NUD_NONE: Final = 0x00
NUD_INCOMPLETE: Final = 0x01
NUD_REACHABLE: Final = 0x02
NUD_STALE: Final = 0x04
NUD_DELAY: Final = 0x08
NUD_PROBE: Final = 0x10
NUD_FAILED: Final = 0x20
NUD_NOARP: Final = 0x40
NUD_PERMANENT: Final = 0x80

# Links (struct ifinfomsg and its attributes)
IFF_UP: Final = 0x1
IFLA_ADDRESS: Final = 1
IFLA_IFNAME: Final = 3
IFLA_MTU: Final = 4
IFLA_LINK: Final = 5
IFLA_MASTER: Final = 10
IFLA_PROTINFO: Final = 12
IFLA_OPERSTATE: Final = 16
IFLA_LINKINFO: Final = 18
IFLA_AF_SPEC: Final = 26
IFLA_GROUP: Final = 27
IFLA_NET_NS_FD: Final = 28
IFLA_EXT_MASK: Final = 29
IFLA_LINK_NETNSID: Final = 37
IFLA_PROP_LIST: Final = 52
IFLA_ALT_IFNAME: Final = 53
RTEXT_FILTER_SKIP_STATS: Final = 0x8

IFLA_INFO_KIND: Final = 1
IFLA_INFO_DATA: Final = 2
IFLA_INFO_SLAVE_KIND: Final = 4
IFLA_INFO_SLAVE_DATA: Final = 5
VETH_INFO_PEER: Final = 1

IFLA_INET6_ADDR_GEN_MODE: Final = 8
IN6_ADDR_GEN_MODE_EUI64: Final = 0
IN6_ADDR_GEN_MODE_NONE: Final = 1

IFLA_BR_AGEING_TIME: Final = 4
IFLA_BR_STP_STATE: Final = 5
IFLA_BR_VLAN_FILTERING: Final = 7
IFLA_BR_GROUP_FWD_MASK: Final = 9
IFLA_BR_MCAST_SNOOPING: Final = 23

IFLA_BRPORT_STATE: Final = 1
IFLA_BRPORT_LEARNING: Final = 8
IFLA_BRPORT_UNICAST_FLOOD: Final = 9
IFLA_BRPORT_MCAST_FLOOD: Final = 27
IFLA_BRPORT_BCAST_FLOOD: Final = 30
IFLA_BRPORT_NEIGH_SUPPRESS: Final = 32
IFLA_BRPORT_ISOLATED: Final = 33
IFLA_BRPORT_LOCKED: Final = 39

IFLA_VXLAN_ID: Final = 1
IFLA_VXLAN_GROUP: Final = 2
IFLA_VXLAN_LINK: Final = 3
IFLA_VXLAN_LOCAL: Final = 4
IFLA_VXLAN_TTL: Final = 5
IFLA_VXLAN_LEARNING: Final = 7
IFLA_VXLAN_AGEING: Final = 8
IFLA_VXLAN_PORT: Final = 15
IFLA_VXLAN_GROUP6: Final = 16
IFLA_VXLAN_LOCAL6: Final = 17
IFLA_VXLAN_UDP_CSUM: Final = 18
IFLA_VXLAN_UDP_ZERO_CSUM6_TX: Final = 19
IFLA_VXLAN_UDP_ZERO_CSUM6_RX: Final = 20
IFLA_VXLAN_COLLECT_METADATA: Final = 25
IFLA_VXLAN_DF: Final = 29
IFLA_VXLAN_VNIFILTER: Final = 30
