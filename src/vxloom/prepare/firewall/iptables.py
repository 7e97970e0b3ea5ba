"""Rules of iptables and ip6tables, read from what ``iptables-save`` prints (iptables(8), iptables-extensions(8))."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from vxloom.prepare.firewall.packet import Hook, Packet, Rule, Truth, Verdict, all_of, negated

_INWARD, _OUTWARD = ("PREROUTING", "INPUT"), ("OUTPUT", "POSTROUTING")
_VERDICTS: dict[str, Verdict] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    "RETURN": "return",
    "QUEUE": "ask",
    "NFQUEUE": "ask",
    "SYNPROXY": "ask",
    "TPROXY": "ask",
    "NOTRACK": "notrack",
}
_GO_ON = {
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
}
"""Targets after which the next rule is asked."""
_STATES = {"NEW", "UNTRACKED"}
_SILENT = frozenset({"comment", "udp", "tcp", "conntrack", "state", "multiport", "addrtype", "rpfilter"})
"""Modules all of whose options are known below; of others none is."""
_TEXTS = {"--comment", "--log-prefix", "--nflog-prefix"}
_NUMBERS = {"17": "udp", "6": "tcp"}


class Tables:
    """What one ``iptables-save`` printed."""

    def __init__(self, saved: str) -> None:
        """Read it; what is no rule, chain or table is passed over."""
        self.policies: dict[str, dict[str, str]] = {}
        self.lines: dict[str, list[str]] = {}
        table = ""
        for line in saved.splitlines():
            if line.startswith("*"):
                table = line[1:].strip()
                self.policies[table], self.lines[table] = {}, []
            elif line.startswith(":"):
                name, policy = line[1:].split()[:2]
                self.policies[table][name] = policy
            elif line.startswith("-A "):
                self.lines[table].append(line)

    def hooks(self, packet: Packet) -> list[Hook]:
        """Return the chains that a packet meets on this machine; addresses are translated (table nat), not dropped."""
        wanted = _OUTWARD if packet.outward else _INWARD
        found = []
        for table, policies in self.policies.items():
            chains: dict[str, list[Rule]] = {}
            for line in self.lines[table]:
                chain, rule = _rule(line, packet)
                chains.setdefault(chain, []).append(rule)
            found += [
                Hook(table, chain, "drop" if policies[chain] == "DROP" else "accept", chains)
                for chain in wanted
                if table != "nat" and chain in policies
            ]
        return found

    def tracks(self) -> bool:
        """Tell whether a rule wants connections tracked."""
        return "nat" in self.policies or any(
            word in line for lines in self.lines.values() for line in lines for word in ("-m conntrack", "-m state", "-m connmark")
        )

    def has(self, table: str, chain: str) -> bool:
        """Tell whether there is such a chain."""
        return chain in self.policies.get(table, {})


def _rule(line: str, packet: Packet) -> tuple[str, Rule]:
    holds: list[Truth] = []
    verdict: Verdict = ""
    chain = target = ""
    named = listed = False
    for option, values, negative in _options(line):
        if option == "-A":
            chain = values[0]
        elif option in {"-j", "-g"}:
            verdict, target = _end(option, values[0])
        elif option == "--notrack":
            verdict = "notrack"
        else:
            truth = _holds(option, values, packet)
            holds.append(negated(truth) if negative else truth)
            exact = str(packet.port) in (values[0].split(",") if values else [])
            listed = listed or (option in {"-s", "-d", "--match-set"} and not negative)
            named = named or (exact and option in {"--dport", "--dports", "--ports"} and not negative)
    refuses = verdict == "drop" and listed  # a list of those to keep out; an ordinary peer is not on it
    return chain, Rule(line, False if refuses else all_of(holds), verdict, target, named)


def _options(line: str) -> Iterator[tuple[str, list[str], bool]]:
    """Split a rule into options, each with its values and whether a ``!`` stands before it."""
    option, values, negative, next_negative = "", list[str](), False, False
    for word in shlex.split(line):
        if word == "!":
            next_negative = True
        elif word.startswith("-") and not (option in _TEXTS and not values):
            if option:
                yield option, values, negative
            option, values, negative, next_negative = word, [], next_negative, False
        else:
            values.append(word)
    if option:
        yield option, values, negative


def _end(option: str, target: str) -> tuple[Verdict, str]:
    if target in _VERDICTS:
        return _VERDICTS[target], ""
    if target in _GO_ON:
        return "", ""
    return ("goto" if option == "-g" else "jump"), target


def _holds(option: str, values: list[str], packet: Packet) -> Truth:
    value = values[0] if values else ""
    if option in {"-p", "--protocol"}:
        return value == "all" or _NUMBERS.get(value, value) == packet.protocol
    if option in {"-i", "-o"}:
        return _device(value, packet, outward=option == "-o")
    if option in {"--dport", "--dports", "--ports"}:
        within = any(_within(part, packet.port) for part in value.split(","))
        return within if within or option != "--ports" else None
    if option in {"--ctstate", "--state"}:
        wanted = set(value.split(","))
        return True if wanted >= _STATES else (None if wanted & _STATES else False)
    if option == "--dst-type":
        return None if packet.outward else value == "LOCAL"
    if option == "-m":
        return True if value in _SILENT else None
    if option == "--comment" or option.startswith(("--log-", "--reject-", "--nflog-", "--set-", "--save-", "--restore-")):
        return True
    return False if option in {"-f", "--invert"} else None  # --invert: of rpfilter; an ordinary peer's packet comes the right way


def _device(value: str, packet: Packet, *, outward: bool) -> Truth:
    if outward != packet.outward:
        return None
    if not packet.device:
        return False if value == "lo" else None
    return packet.device.startswith(value[:-1]) if value.endswith("+") else packet.device == value


def _within(part: str, port: int) -> bool:
    low, _, high = part.partition(":")
    return int(low or 0) <= port <= int(high or (65535 if ":" in part else low)) if (low + high).isdigit() else False
