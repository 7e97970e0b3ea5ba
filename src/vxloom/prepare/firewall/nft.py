"""Rules of nftables, read from ``nft -j list ruleset`` (libnftables-json(5))."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from vxloom.prepare.firewall.packet import Hook, Packet, Rule, Truth, Verdict, all_of, negated

Json: TypeAlias = Mapping[str, Any]  # what libnftables says; its forms are many, and unknown ones are answered with "cannot be told"
OURS = "vxloom"
"""Tables of the agent's; they are its own affair."""
_VERDICTS: dict[str, Verdict] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
    "continue": "",
    "notrack": "notrack",
    "queue": "ask",
    "tproxy": "ask",
    "synproxy": "ask",
}
_INWARD, _OUTWARD = ("ingress", "prerouting", "input"), ("output", "postrouting", "egress")
_FAMILIES = {4: {"ip", "inet", "bridge", "netdev"}, 6: {"ip6", "inet", "bridge", "netdev"}}
_L3 = {4: {"ip", "icmp"}, 6: {"ip6", "icmpv6"}}


class Ruleset:
    """All objects of a listing."""

    def __init__(self, listing: str, shown: str = "") -> None:
        """Read a listing; ``shown``: the same as people read it, with handles. Raises :class:`ValueError` for what is no JSON."""
        self._texts = _texts(shown)
        objects: list[dict[str, Json]] = json.loads(listing)["nftables"]
        self.chains = [each["chain"] for each in objects if "chain" in each]
        self._rules = [each["rule"] for each in objects if "rule" in each]
        self._sets = {_place(each[kind]): each[kind] for each in objects for kind in ("set", "map") if kind in each}

    def hooks(self, packet: Packet, devices: Sequence[str]) -> list[Hook]:
        """Return the chains that a packet meets on this machine; ``devices``: those it comes through."""
        wanted = _OUTWARD if packet.outward else _INWARD
        return [
            Hook(f"{chain['family']} {chain['table']}", chain["name"], chain.get("policy", "accept"), self._table(chain, packet))
            for chain in self.chains
            if chain.get("hook") in wanted
            and chain.get("type") == "filter"
            and chain["family"] in _FAMILIES[packet.family]
            and ("dev" not in chain or set(_listed(chain["dev"])) & set(devices))
        ]

    def tracks(self) -> bool:
        """Tell whether a rule wants connections tracked: it asks for their state, or translates addresses."""
        return any(chain.get("type") == "nat" for chain in self.chains) or any(
            '"ct"' in text or '"name": "conntrack"' in text for text in (json.dumps(rule["expr"]) for rule in self._rules)
        )

    def _table(self, base: Json, packet: Packet) -> dict[str, list[Rule]]:
        chains: dict[str, list[Rule]] = {}
        for rule in self._rules:
            if (rule["family"], rule["table"]) == (base["family"], base["table"]):
                chains.setdefault(rule["chain"], []).extend(self._rules_of(rule, packet))
        return chains

    def _rules_of(self, rule: Json, packet: Packet) -> list[Rule]:
        """Return a rule; one with a verdict map becomes one for each of the map's entries."""
        place = (f"{rule['family']} {rule['table']}", int(rule["handle"]))
        text = self._texts.get(place) or f"rule with handle {place[1]} in {place[0]} {rule['chain']}"
        holds: list[Truth] = []
        named = listed = False
        for statement in rule["expr"]:
            kind, body = _single(statement)
            if kind == "match":
                holds.append(self._matches(body["op"], body["left"], body["right"], rule, packet))
                listed = listed or (_is_address(body["left"]) and body["op"] != "!=" and holds[-1] is None)
                named = named or (_is_port(body["left"]) and body["op"] in {"==", "in"} and self._names(body["right"], rule, packet.port))
            elif kind == "vmap":
                return [*self._entries(body, rule, packet, all_of(holds), text, named=named)]
            elif kind in {"limit", "xt"}:
                holds.append(None)
            elif kind in {"jump", "goto"}:
                return [Rule(text, all_of(holds), "jump" if kind == "jump" else "goto", body["target"], named)]
            elif kind in _VERDICTS:
                refuses = _VERDICTS[kind] == "drop" and listed  # a list of those to keep out; an ordinary peer is not on it
                return [Rule(text, False if refuses else all_of(holds), _VERDICTS[kind], "", named)]
        opaque = any("xt" in statement for statement in rule["expr"] if isinstance(statement, dict))
        return [Rule(text, None, "ask", "", named)] if opaque else []

    def _entries(self, body: Json, rule: Json, packet: Packet, before: Truth, text: str, *, named: bool) -> list[Rule]:
        found = []
        for entry in self._elements(body["data"], rule):
            if not isinstance(entry, list) or len(entry) != 2:
                return [Rule(text, None, "ask")]
            key, result = entry
            kind, target = next(iter(result.items()))
            verdict: Verdict = kind if kind in {"jump", "goto"} else _VERDICTS.get(kind, "ask")
            ours = named or (_is_port(body["key"]) and key == packet.port)
            truth = all_of([before, self._matches("==", body["key"], key, rule, packet)])
            found.append(Rule(text, truth, verdict, target["target"] if verdict in {"jump", "goto"} else "", ours))
        return found

    def _matches(self, op: str, left: Any, right: Any, rule: Json, packet: Packet) -> Truth:
        if _contradicts(left, packet):
            return False
        if op in {"==", "!="} and right == "lo" and isinstance(left, dict) and "meta" in left and not packet.device:
            return op == "!="  # the one device it surely does not come by
        known = _known(left, packet)
        if known is None or op not in {"==", "!=", "in"}:
            return None
        wanted = self._elements(right, rule)
        truth = all_of([any(_covers(one, value) for one in wanted) for value in known])
        if len(known) > 1 and any(_covers(one, value) for one in wanted for value in known):
            truth = truth or None  # it may be either
        return negated(truth) if op == "!=" else truth

    def _elements(self, right: Any, rule: Json) -> list[Any]:
        """Return what a right side lists; named sets and maps are looked up."""
        if isinstance(right, str) and right.startswith("@"):
            named = self._sets.get((rule["family"], rule["table"], right[1:]), {})
            return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in named.get("elem", [])]
        for kind in ("set", "|"):
            if isinstance(right, dict) and kind in right:
                return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in _listed(right[kind])]
        return _listed(right)

    def _names(self, right: Any, rule: Json, port: int) -> bool:
        return port in [one for one in self._elements(right, rule) if isinstance(one, int)]


def _texts(shown: str) -> dict[tuple[str, int], str]:
    """Return the text of every line that has a handle, by table and handle: in a table no two objects share one."""
    found: dict[tuple[str, int], str] = {}
    table = ""
    for line in shown.splitlines():
        text, mark, handle = line.strip().rpartition(" # handle ")
        if line.startswith("table "):
            table = " ".join(line.split()[1:3])
        elif mark and handle.isdigit():
            found[table, int(handle)] = text
    return found


def _single(statement: Any) -> tuple[str, Any]:
    """Return an object's one key and value; some versions of nft write a bare word."""
    return next(iter(statement.items())) if isinstance(statement, dict) and statement else (str(statement), {})


def _place(named: Json) -> tuple[str, str, str]:
    return named["family"], named["table"], named["name"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_port(left: Any) -> bool:
    return isinstance(left, dict) and left.get("payload", {}).get("field") == "dport"


def _is_address(left: Any) -> bool:
    return isinstance(left, dict) and left.get("payload", {}).get("field") in {"saddr", "daddr"}


def _covers(wanted: Any, value: object) -> bool:
    if isinstance(wanted, dict) and "range" in wanted and isinstance(value, int):
        low, high = wanted["range"]
        return bool(low <= value <= high)
    if isinstance(wanted, str) and wanted.endswith("*") and isinstance(value, str):
        return value.startswith(wanted[:-1])
    return bool(wanted == value)


def _contradicts(left: Any, packet: Packet) -> bool:
    """Tell whether an expression reads a header that the packet has not: the rule then does not hold, whatever is compared."""
    if isinstance(left, list):
        return any(_contradicts(one, packet) for one in left)
    if not isinstance(left, dict):
        return False
    protocol = left.get("payload", {}).get("protocol") if isinstance(left.get("payload"), dict) else None
    if protocol is not None:
        return protocol not in {packet.protocol, "th", "ether", *_L3[packet.family]} or protocol in {"icmp", "icmpv6"}
    return any(_contradicts(one, packet) for one in left.values())


def _known(left: Any, packet: Packet) -> list[object] | None:
    """Return the values an expression may have; None: it cannot be told."""
    if not isinstance(left, dict) or len(left) != 1:
        return None
    [(kind, body)] = left.items()
    if kind == "meta":
        return _meta(body.get("key"), packet)
    if kind == "payload":
        if body.get("field") == "dport":
            return [packet.port]
        return [packet.protocol] if body.get("field") in {"protocol", "nexthdr"} else None
    if kind == "ct":
        states: dict[str, list[object]] = {"state": ["new", "untracked"], "status": ["none"]}  # of a flow's first packet
        return states.get(body.get("key"))
    if kind == "fib" and body.get("result") == "type" and "daddr" in body.get("flags", ()):
        return None if packet.outward else ["local"]
    # "no way back to the sender": an ordinary peer has one
    return [True] if kind == "fib" and body.get("result") in {"oif", "oifname"} and "saddr" in body.get("flags", ()) else None


def _meta(key: str | None, packet: Packet) -> list[object] | None:
    here, there = (("oif", "oifname"), ("iif", "iifname")) if packet.outward else (("iif", "iifname"), ("oif", "oifname"))
    if key in here:
        return [packet.device] if packet.device else None
    if key in there:
        return [""]
    known: dict[str | None, list[object]] = {
        "l4proto": [packet.protocol],
        "nfproto": [f"ipv{packet.family}"],
        "protocol": ["ip" if packet.family == 4 else "ip6"],
        "pkttype": ["host"],
    }
    return known.get(key)
