"""Our own packed rtnetlink: bridges, VXLAN devices, FDB rows, flood entries and neighbours, in bulk.

Reading order: `wire` (framing) → `rows` and `links` (requests) → `socket` (sending, dumps) → `decode` and `parse_links`
(answers) → `events`. All but `socket` and `events` are pure.

May import: `vxloom.model`, `vxloom.errors`, numpy. Must never: decide what is wanted, remember what was sent, or touch a link's
sysctls. One general netlink library would do all this; ours exists because it writes 100,000 rows in a third of a second.
"""

from vxloom.dataplane.netlink.constants import (
    NTF_EXT_LEARNED,
    NTF_MASTER,
    NTF_SELF,
    NTF_STICKY,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_REACHABLE,
)
from vxloom.dataplane.netlink.decode import FDB_ROW, NEIGHBOUR_ROW, decode_fdb, decode_neighbours
from vxloom.dataplane.netlink.events import Events, EventSocket, Hint
from vxloom.dataplane.netlink.links import (
    FIRST_INDEX,
    PortFlags,
    add_altnames,
    choose_indexes,
    create_bridge,
    create_veth,
    create_vxlan,
    delete_altnames,
    delete_group,
    delete_link,
    link_dump,
    link_get,
    set_link,
)
from vxloom.dataplane.netlink.parse_links import BridgeInfo, Link, PortInfo, VxlanInfo, parse_links
from vxloom.dataplane.netlink.rows import (
    Half,
    Op,
    encode_bridge_fdb,
    encode_fdb,
    encode_fdb_get,
    encode_flood,
    encode_neighbour_get,
    encode_neighbours,
    fdb_dump,
    fdb_get,
    neighbour_dump,
    neighbour_get,
)
from vxloom.dataplane.netlink.socket import NetlinkSocket
from vxloom.dataplane.netlink.wire import Batch, Failure
from vxloom.model.state import NEIGHBOUR_PROTOCOL as PROTOCOL

__all__ = [
    "FDB_ROW",
    "FIRST_INDEX",
    "NEIGHBOUR_ROW",
    "NTF_EXT_LEARNED",
    "NTF_MASTER",
    "NTF_SELF",
    "NTF_STICKY",
    "NUD_NOARP",
    "NUD_PERMANENT",
    "NUD_REACHABLE",
    "PROTOCOL",
    "Batch",
    "BridgeInfo",
    "EventSocket",
    "Events",
    "Failure",
    "Half",
    "Hint",
    "Link",
    "NetlinkSocket",
    "Op",
    "PortFlags",
    "PortInfo",
    "VxlanInfo",
    "add_altnames",
    "choose_indexes",
    "create_bridge",
    "create_veth",
    "create_vxlan",
    "decode_fdb",
    "decode_neighbours",
    "delete_altnames",
    "delete_group",
    "delete_link",
    "encode_bridge_fdb",
    "encode_fdb",
    "encode_fdb_get",
    "encode_flood",
    "encode_neighbour_get",
    "encode_neighbours",
    "fdb_dump",
    "fdb_get",
    "link_dump",
    "link_get",
    "neighbour_dump",
    "neighbour_get",
    "parse_links",
    "set_link",
]
