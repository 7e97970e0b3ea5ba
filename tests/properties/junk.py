"""What a request may hold, right or wrong: values of every declared kind, ids of everything there is, and what nobody should send."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from hypothesis import strategies as st

from vxloom.server.command import Command
from vxloom.server.parameters import IDEMPOTENCY_KEY, Kind, Parameter

Pair = tuple[str, str]

JUNK = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "7",
    "4094",
    "16777215",
    "16777216",
    "2147483647",
    "-2147483648",
    "9223372036854775807",
    "99999999999999999999",
    "1e3",
    "٣",
    "true",
    "None",
    "null",
    "a",
    "a" * 254,
    "a" * 5000,
    "é汉🙂",
    "\n",
    "%00",
    "' OR 1=1 --",
    "{{7*7}}",
    "../../etc/passwd",
    "a,b,,c",
    ",",
    "10.1.1.1",
    "10.1.1.0/24",
    "0.0.0.0/0",
    "255.255.255.255",
    "255.0.255.0",
    "::",
    "fd00::1",
    "fe80::1%eth0",
    "::/0",
    "fd00:1::/64",
    "02:00:00:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "1-16777214",
    "5-4",
    "1-2,2-3",
    "1--2",
    "vxlan://5001",
    "vlan://70000",
    "2026-01-31",
    "0001-01-01",
    "9999-12-31",
    "2026-01-31T10:00:00+0000",
    "0001-01-01T00:00:00+2359",
    "00000000-0000-4000-8000-000000000000",
    "{00000000-0000-4000-8000-000000000000}",
    "Enabled",
    "Running",
    "KVM",
    "Guest",
    "L2",
    "Shared",
    "http://[",
    "http://h1:99999",
    "5 OR 1=1; DROP TABLE vms; --",
    '"; SELECT pg_sleep(9); --',
    "%' OR name LIKE '%",
    "$(reboot) `reboot` ; reboot | reboot & reboot > /etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://h1/a}",
    "\x00",
    "\x1b[2J",
    "\u202etxt.exe",
    "\ufffe",
    "\u2028",
    "a\tb",
    "NaN",
    "-Infinity",
    "1.5",
    "+7",
    "-9223372036854775808",
    "0x10",
    "{}",
    "[]",
    "a" * 70000,
    "1," * 2000,
]
# What some commands ask for before they look further.
WORDS = [
    *("Advanced", "Basic", "KVM", "Simulator", "VXLAN", "VLAN", "Guest", "Public", "Management", "L2", "Isolated", "Shared", "Enable"),
    *("Enabled", "Disabled", "executable", "all", "routing", "Up", "Account", "Domain", "VM.CREATE", "UserVm", "Network", "allow", "deny"),
    *("admin", "ann", "z1", "n1", "n2", "vm1", "h1", "ROOT", "User", "Dhcp", "VirtualRouter", "default.page.size", "vxloom.job.keep"),
    *("10.1.1.77", "10.1.1.0/24", "5001", "5000-5010", "2026-01-31", "http://h9", "ssh-rsa AAAA", "YQ=="),
]
ADDRESSES = [
    "10.1.1.77",
    "10.1.1.78",
    "10.9.9.1",
    "10.9.9.254",
    "255.255.255.0",
    "10.9.9.0/24",
    "fd00:9::/64",
    "fd00:9::1",
    "02:00:00:00:00:09",
]
_ADDRESS = re.compile(r"ip|gateway|netmask|cidr|dns|mac|address")
FIELDS = [
    "networkid",
    "network",
    "nic",
    "ip",
    "ipv6",
    "mac",
    "key",
    "value",
    "service",
    "provider",
    "cpuNumber",
    "memory",
    "rule",
    "permission",
]
FIELDS += ["vxloom.tap", "vxloom.source", "vxloom.shared", "a", "", "a" * 300, "x[0]", "é", "\n", "' OR 1=1 --"]
_STRAYS = [
    *(
        ("x", "1"),
        ("details[", "1"),
        ("details]", "1"),
        ("details[0]", "1"),
        ("details[0][1].a", "1"),
        ("[0].a", "1"),
        ("", ""),
        ("a.b", "c"),
    ),
    *(
        ("page", "1"),
        ("pagesize", "500"),
        ("pagesize", "-1"),
        ("listall", "true"),
        ("RESPONSE", "xml"),
        ("command", "listZones"),
        ("id", "7"),
    ),
]


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of what there is, by the list command that shows it."""

    by_list: dict[str, list[str]]

    @property
    def every(self) -> list[str]:
        return sorted({one for ids in self.by_list.values() for one in ids})


def requests(command: Command, ids: Ids) -> st.SearchStrategy[list[Pair]]:
    """Draw what goes with a command: what would do, with none to three things wrong in it, in any order."""
    if not command.takes:
        return st.lists(st.sampled_from(_STRAYS), max_size=3)
    required = [parameter for parameter in command.takes if parameter.required]
    usual = [parameter for parameter in command.takes if parameter.required or parameter.name in _example(command)]
    optional = st.lists(st.sampled_from(command.takes), unique_by=lambda parameter: parameter.name, max_size=5)

    @st.composite
    def drawn(draw: st.DrawFn) -> list[Pair]:
        base = usual if draw(st.booleans()) else required
        chosen = {parameter.name: parameter for parameter in [*base, *draw(optional)]}
        wrong = {draw(st.sampled_from(sorted(chosen))) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3])))} if chosen else set()
        pairs: list[Pair] = []
        for name, parameter in chosen.items():
            how = draw(st.sampled_from(["word", "word", "word", "word", "twice", "none", "spelled"])) if name in wrong else ""
            value = _word(ids) if how in {"word", "twice"} else _fitting(command, parameter, ids)
            found = draw(_pairs(parameter, value)) if how != "none" else []
            pairs += draw(_pairs(parameter, _fitting(command, parameter, ids))) if how == "twice" else []
            pairs += [(spelled.upper() if how == "spelled" else spelled, text) for spelled, text in found]
        if draw(st.integers(0, 5)) == 0:
            pairs += draw(st.lists(st.sampled_from(_STRAYS), max_size=2))
        return draw(st.permutations(pairs))

    return drawn()


def _pairs(parameter: Parameter, value: st.SearchStrategy[str]) -> st.SearchStrategy[list[Pair]]:
    if parameter.kind is Kind.MAP:
        index = st.sampled_from(["0", "0", "0", "1", "9", "x", "-1", "99999999999999999999"])
        entry = st.tuples(index, st.sampled_from(FIELDS), value).map(lambda e: (f"{parameter.name}[{e[0]}].{e[1]}", e[2]))
        return st.lists(entry, min_size=1, max_size=3)
    return value.map(lambda text: [(parameter.name, text)])


def _example(command: Command) -> dict[str, str]:
    """Return what the command's own example gives; for ids the text ID."""
    given = [argument.partition("=") for argument in shlex.split(command.example)[1:]]
    return {name: value for name, _, value in given}


def _fitting(command: Command, parameter: Parameter, ids: Ids) -> st.SearchStrategy[str]:
    shown = _example(command).get(parameter.name)
    related = [one for name in parameter.related.split(",") for one in ids.by_list.get(name, [])]
    own = st.sampled_from(related or ids.every)
    match parameter.kind:
        case Kind.UUID:
            return own
        case Kind.LIST:
            return st.lists(own if related else st.sampled_from(WORDS), min_size=1, max_size=2).map(",".join)
        case Kind.INTEGER | Kind.LONG:
            return st.integers(-2, 5000).map(str) | st.sampled_from(["1", "2147483647", "-2147483648", "16777214", "16777215"])
        case Kind.BOOLEAN:
            return st.sampled_from(["true", "false", "True", "None", "yes"])
        case Kind.DATE:
            day = st.datetimes()
            return day.map(lambda moment: moment.strftime("%Y-%m-%d")) | day.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}+0000")
    if parameter.name == IDEMPOTENCY_KEY.name:
        return st.sampled_from(["k1", "k2"])
    words = ADDRESSES if _ADDRESS.search(parameter.name) else WORDS
    likely = (
        st.just(shown)
        if shown is not None and "ID" not in shown
        else own
        if related or parameter.name.endswith("id")
        else st.sampled_from(words)
    )
    return st.one_of(likely, likely, st.sampled_from(words))


def _word(ids: Ids) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(JUNK), st.sampled_from(WORDS), st.sampled_from(ids.every), st.text(max_size=40), _characters())


def _characters() -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("'\"`;|&$(){}[]<>\\/%_*?~!#^=,.:+- \t\r\n\x00\x7fé漢🙂"), max_size=12)
