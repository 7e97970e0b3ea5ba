"""Every setting there is: name, default, type, scope. `listConfigurations` and the documents are made from this table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from vxloom.errors import RequestError

SettingType = Literal["string", "integer", "float", "boolean"]
_GLOBAL = ("global",)
_ZONE = ("global", "zone")
_ACCOUNT = ("global", "account")


@dataclass(frozen=True, slots=True)
class Setting:
    """A declared setting. ``dynamic``: takes effect without a restart."""

    name: str
    default: str
    type: SettingType
    description: str
    scopes: tuple[str, ...] = _GLOBAL
    dynamic: bool = True
    category: str = "Advanced"
    choices: tuple[str, ...] = ()
    """The only values there are, in lower case; none: any."""
    least: float | None = None
    """The smallest number taken."""
    most: float | None = None
    """The greatest."""
    told: bool = False
    """Hosts are told of it: a new value changes their documents."""
    fixed: str = ""
    """Why it can be nothing but its default; empty: it can."""

    def normal(self, value: str) -> str:
        """Return a value as it is kept: words of a fixed set in lower case, numbers without blanks."""
        return value.strip().lower() if self.type == "boolean" or self.choices else value if self.type == "string" else value.strip()

    def problem(self, value: str) -> str:
        """Return why a value (in its normal form) does not fit, "" if it does."""
        choices = ("true", "false") if self.type == "boolean" else self.choices
        if choices and value not in choices:
            return f"{self.name} needs {' or '.join(choices)}, not {value[:80]!r}"
        if self.type in {"integer", "float"} and (problem := self._number_problem(value)):
            return problem
        if self.fixed and value != self.default:
            return f"{self.name} cannot be {value[:80]}: {self.fixed}"
        return ""

    def _number_problem(self, value: str) -> str:
        try:
            number = int(value) if self.type == "integer" else float(value)
        except ValueError:  # also an integer of thousands of digits
            return f"{self.name} needs a number, not {value[:80]!r}"
        if not math.isfinite(number) or abs(number) >= _BEYOND:
            return f"{self.name} needs a number, not {value[:80]!r}"
        if self.least is not None and number < self.least:
            return f"{self.name} needs {self.least:g} or more, not {value[:80]}"
        if self.most is not None and number > self.most:
            return f"{self.name} needs {self.most:.0f} or less, not {value[:80]}"
        return ""

    def require_scopes(self, **owners: str | None) -> None:
        """Raise :class:`RequestError` 431 for an owner of a kind (``zone``, ``account``) that cannot have a value of its own."""
        for scope, own in owners.items():
            if own is not None and scope not in self.scopes:
                raise RequestError(f"Invalid scope: {self.name} has no value of its own per {scope}", remedy=f"leave {scope}id out")

    @property
    def group(self) -> str:
        """What it is about, in a word, as clients sort settings."""
        if self.category == "vxloom":
            return "vxloom"
        return next((group for group, beginnings in _GROUPS.items() if self.name.startswith(beginnings)), "Miscellaneous")


_BEYOND = 2**31
"""What CloudStack's integers hold."""
_GROUPS = {
    "Network": ("network.", "allow.", "use.system", "zone.vlan", "guest.", "control.", "kvm.", "sdn.", "vr."),
    "API": ("api.", "default.page", "integration.", "enforce."),
    "Compute": ("expunge.",),
    "Infrastructure": ("alert.",),
}


_ALL = (
    # CloudStack's own names: clients read them (facts: ConfigurationManagerImpl, NetworkOrchestrationService).
    Setting("default.page.size", "500", "integer", "Largest page of a list; also the most a request without paging gets.", least=1),
    Setting("network.gc.interval", "600", "integer", "Seconds between looks for networks that nobody uses.", least=1),
    Setting("network.gc.wait", "600", "integer", "Seconds a network stays implemented after its last VM stopped.", least=0),
    Setting("allow.duplicate.networkname", "true", "boolean", "Whether an account may have two networks of one name in a zone."),
    Setting("allow.empty.start.end.ipaddress", "true", "boolean", "Whether a shared network may be made without saying what it gives out."),
    Setting("allow.subdomain.network.access", "true", "boolean", "Whether sub-domains may use a domain's shared networks, unless it says."),
    Setting(
        "network.vlan.interfacetype",
        "vxlan",
        "string",
        "Isolation of guest networks whose physical network states none: vxlan or vlan. With vlan such networks are refused as long as "
        "hosts have no VLAN data plane.",
        choices=("vxlan", "vlan"),
    ),
    Setting(
        "sdn.ovs.vxlan.enabled",
        "false",
        "boolean",
        "Whether hosts whose network.bridge.type is openvswitch carry VXLAN. There is no Open vSwitch driver yet, so it cannot be true; "
        "hosts with Linux bridges carry VXLAN whatever it says.",
        fixed="there is no Open vSwitch driver yet, and without one such hosts would attach guests with no isolation at all",
    ),
    Setting(
        "use.system.guest.vlans",
        "true",
        "boolean",
        "Accounts with dedicated VNIs may use the system's when theirs are used up.",
        _ACCOUNT,
    ),
    Setting(
        "zone.vlan.capacity.notificationthreshold", "0.75", "float", "Share of VNIs in use above which an alert is raised.", _ZONE, least=0
    ),
    Setting("guest.vlan.bits", "12", "integer", "Bits of a VLAN id."),
    Setting("control.cidr", "169.254.0.0/16", "string", "Link-local network of control traffic.", _ZONE),
    Setting("kvm.guest.network.device", "", "string", "Traffic label of guest networks that state none.", _ZONE),
    Setting("kvm.private.network.device", "", "string", "Traffic label of management networks that state none.", _ZONE),
    Setting("kvm.public.network.device", "", "string", "Traffic label of public networks that state none.", _ZONE),
    Setting(
        "sdn.ovs.controller",
        "false",
        "boolean",
        "Whether CloudStack's own Open vSwitch controller runs; here never.",
        fixed="there is no such controller; networks are made by the hosts' agents",
    ),
    Setting("allow.end.users.to.specify.vr.mtu", "false", "boolean", "Whether users may state a router's MTU.", _ZONE),
    Setting("vr.private.interface.max.mtu", "1500", "integer", "Largest MTU of a router's private interface.", _ZONE),
    Setting("vr.public.interface.max.mtu", "1500", "integer", "Largest MTU of a router's public interface.", _ZONE),
    Setting("enforce.post.requests.and.timestamps", "false", "boolean", "Refuse changes by GET, and requests valid for over 15 minutes."),
    Setting(
        "integration.api.port",
        "0",
        "integer",
        "Port of an API without authentication; here always 0: none.",
        dynamic=False,
        fixed="every request is signed, or of a session",
    ),
    Setting(
        "api.throttling.enabled",
        "false",
        "boolean",
        "Limit the number of requests of an account; here never.",
        fixed="the number of an account's requests is not limited",
    ),
    Setting("expunge.delay", "86400", "integer", "Seconds between a VM's destruction and its expunging."),
    Setting("expunge.interval", "86400", "integer", "Seconds between looks for destroyed VMs."),
    Setting("session.timeout", "30", "integer", "Minutes without a request after which a session of login ends.", least=1),
    Setting("alert.wait", "", "string", "Seconds before an alert about a disconnected host; empty: at once."),
    Setting("guest.domain.suffix", "cs1cloud.internal", "string", "Domain of networks that state none.", _ZONE),
    Setting("vm.network.nic.max.secondary.ipaddresses", "10", "integer", "Most secondary addresses of a NIC."),
    # Ours.
    Setting("vxloom.job.deadline", "30", "float", "Seconds a job waits for hosts.", _ZONE, category="vxloom"),
    Setting(
        "vxloom.job.peers.required",
        "false",
        "boolean",
        "A peer that stays silent fails the job, instead of being named in its result.",
        _ZONE,
        category="vxloom",
    ),
    Setting("vxloom.job.keep", "604800", "integer", "Seconds a finished job can be asked for.", category="vxloom"),
    Setting(
        "vxloom.removal.share",
        "0.2",
        "float",
        "Share of a host's ports that one plan may remove without a person's confirmation.",
        _ZONE,
        category="vxloom",
    ),
    Setting(
        "vxloom.port.storm.limit",
        "2000",
        "integer",
        "Frames a second that a machine's port may send to all or to a group, and as many at once; what is over is dropped. 0: any number.",
        _ZONE,
        category="vxloom",
        least=0,
        most=1_000_000,
        told=True,
    ),
    Setting("vxloom.udp.port", "4789", "integer", "UDP port of VXLAN (RFC 7348 section 5).", _ZONE, dynamic=False, category="vxloom"),
    Setting(
        "vxloom.df",
        "true",
        "boolean",
        "Whether tunnel packets carry the outer don't-fragment bit. Without it a router on too narrow a path fragments them silently: "
        "slower, and hidden from the doctor.",
        _ZONE,
        dynamic=False,
        category="vxloom",
    ),
    Setting(
        "vxloom.host.timeout", "15", "float", "Seconds without a sign of life before a host counts as disconnected.", category="vxloom"
    ),
    Setting(
        "vxloom.health.temperature.warning",
        "85",
        "float",
        "Degrees Celsius at which a host is too warm: an alert.",
        _ZONE,
        category="vxloom",
    ),
    Setting(
        "vxloom.health.temperature.critical",
        "95",
        "float",
        "Degrees Celsius at which a host is too hot: an alert, and the last choice for a machine. A limit that a chip states counts, too.",
        _ZONE,
        category="vxloom",
    ),
    Setting(
        "vxloom.health.errors.rate",
        "1",
        "float",
        "Frames in error a second on a host's network card, or IP packets it cannot fragment or put together, at which an alert is raised.",
        _ZONE,
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.health.drops.rate",
        "100",
        "float",
        "Frames dropped a second on a host's network card at which an alert is raised.",
        _ZONE,
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.health.fragments.rate",
        "100",
        "float",
        "IP packets fragmented or put together a second by a host at which an alert is raised.",
        _ZONE,
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.health.optics.dbm",
        "-14",
        "float",
        "Received optical power in dBm below which an alert is raised; the optics' own alarm counts, too.",
        _ZONE,
        category="vxloom",
    ),
    Setting(
        "vxloom.health.cured.seconds",
        "60",
        "float",
        "Seconds without a fault of a host's hardware before its alert is resolved.",
        _ZONE,
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.doctor.interval",
        "300",
        "float",
        "Seconds in which every host is asked once for its findings, spread over that time; what is found is an alert. 0: never.",
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.path.mtu.check",
        "warn",
        "string",
        "What comes of a machine on a host whose measured paths to other hosts of its networks carry less than these need. off: nothing. "
        "warn: the host is the last choice, and an alert, an event and the job's result say so. refuse: the machine is not started there.",
        _ZONE,
        category="vxloom",
        choices=("off", "warn", "refuse"),
    ),
    Setting(
        "vxloom.path.interval",
        "3600",
        "float",
        "Seconds between the server's own measurements of paths (a sample of vxloom.path.sample, two hosts at a time); 0: never.",
        category="vxloom",
        least=0,
    ),
    Setting(
        "vxloom.path.sample",
        "2000",
        "integer",
        "Directions between hosts that are measured where there are more; as many more as it takes for every host to send and be sent to.",
        category="vxloom",
        least=1,
    ),
    Setting(
        "vxloom.path.rate",
        "1000",
        "float",
        "Probes a second that a host sends at most while it measures, after bursts of 32.",
        category="vxloom",
        least=1,
    ),
    Setting("vxloom.certificate.days", "30", "float", "Days a host's certificate is valid; renewed at a third.", category="vxloom"),
    Setting("vxloom.token.hours", "24", "float", "Hours a join token is valid.", category="vxloom"),
)
CATALOGUE: dict[str, Setting] = {one.name: one for one in _ALL}
_FOLDED = {name.lower(): one for name, one in CATALOGUE.items()}


def declared(name: str) -> Setting:
    """Return the setting of a name in any case; raises :class:`RequestError` 431 for one there is not."""
    try:
        return _FOLDED[name.strip().lower()]
    except KeyError:
        raise RequestError(f"Config parameter with name {name[:80]} doesn't exist", remedy="see listConfigurations") from None
