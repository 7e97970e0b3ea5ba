"""One frozen settings object per process, read from TOML. Unknown keys are errors; paths can all be overridden.

Order: built-in default < file < command line. Files live in ``/etc/vxloom``, state in ``/var/lib/vxloom``, sockets in ``/run/vxloom``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from vxloom.errors import ConfigError

ETC = Path("/etc/vxloom")
STATE = Path("/var/lib/vxloom")
RUN = Path("/run/vxloom")


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``vxloom server``, from ``server.toml``."""

    data: Path = STATE / "server"
    """Database, CA and admin keys."""
    listen: str = "0.0.0.0:8080"
    """Address and port of the API (``/client/api``)."""
    agent_listen: str = "0.0.0.0:8250"
    """Address and port of the agents' mutual TLS streams."""
    database: str = ""
    """SQLAlchemy URL; empty: SQLite in ``data``."""
    log_level: str = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``vxloom agent``, from ``agent.toml``."""

    server: str = ""
    """``HOST:PORT`` of the management server's agent port (several: comma-separated, tried in turn)."""
    name: str = ""
    """Host name to join as; empty: the machine's."""
    vtep: str = ""
    """Underlay address of the tunnel end point; empty: the address that routes towards the server."""
    state_dir: Path = STATE / "agent"
    """The last good state, the host's key and its certificate."""
    run_dir: Path = RUN
    """Records of the guests this agent made; they need not survive a boot."""
    token_file: Path = ETC / "join.token"
    """The one-time token; needed until the host has joined."""
    labels: dict[str, str] = {}
    """Traffic label → bridge or interface. Told to the server and shown with the host; decides nothing yet."""
    resync_seconds: float = 60.0
    """How often the agent looks at everything although nothing was reported."""
    log_level: str = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""


class Bond(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[bond]`` of ``host.toml``: cards that are to be one link, by LACP (IEEE 802.1AX; Linux's mode ``802.3ad``)."""

    name: str = "bond0"
    """Name of the bond, 15 characters at the most."""
    members: tuple[str, ...] = ()
    """The cards, two or more; empty: no bond is wanted. What sits on them (addresses, routes, a place in a bridge) moves to the bond."""
    rate: Literal["fast", "slow"] = "fast"
    """How often the other side is to send LACP frames: ``fast`` every second, ``slow`` every 30."""
    hash: Literal["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac"] = "layer3+4"
    """What decides which card a frame takes. With ``layer3+4`` tunnels spread: their UDP source port differs from flow to flow."""
    miimon: int = 100
    """Milliseconds between looks at the cards' carrier."""
    min_links: int = 1
    """With fewer cards up than this the bond is down."""


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``vxloom host check|plan|apply``, from ``host.toml``: how this machine is to be as a hypervisor."""

    labels: dict[str, str] = {}
    """Traffic type (Guest, Management, Public, Storage) or label → bridge or interface; written into the agent's file."""
    mtu: int = 9000
    """Bytes the underlay is to carry: 1550 at least, 9000 recommended; 0: as it is."""
    bond: Bond = Bond()
    """Cards that are to be one link."""
    bridge_type: str = ""
    """CloudStack's ``network.bridge.type``; empty: as it is. VXLAN needs ``native``."""
    vxlan_mode: str = ""
    """CloudStack's ``network.vxlan.mode``, ``multicast`` or ``evpn``; empty: as it is."""
    tunnel_port: int = 4789
    """UDP port of this cloud's tunnels: 8472 only where CloudStack's multicast mode has taken that already, then on every host."""
    firewall_ports: list[str] = []
    """More ports the machine's own firewall is to let in, such as ``"8250/tcp"`` and ``"8080/tcp"`` where the management server runs."""
    bridge_netfilter: bool = True
    """Leave ``net.bridge.bridge-nf-call-*`` as they are: CloudStack's security groups and Docker need them. False: guests' frames do not
    run through the host's firewall."""
    offload_peer: str = ""
    """Address of a host on which ``vxloom host echo`` runs while this one is prepared: frames are sent to it and back in a tunnel, and
    offloads that corrupt them are turned off. Empty: the cards are not tried."""
    udp_flow_hash: bool = True
    """Have cards spread packets over their queues by UDP ports, too; false: for a driver that refuses it."""

    def __post_init__(self) -> None:
        """Refuse what no kernel could do. Raises :class:`ValueError`, which :func:`load` tells of as any other wrong value."""
        if not 0 < self.tunnel_port < 1 << 16:
            raise ValueError(f"tunnel_port = {self.tunnel_port} is no UDP port")


Settings = TypeVar("Settings", ServerSettings, AgentSettings, HostSettings)


def load(kind: type[Settings], file: Path | None, overrides: dict[str, object]) -> Settings:
    """Return the settings of a process; ``overrides`` holds the command line's (None: not given).

    Raises :class:`ConfigError` naming the file and the key.
    """
    values: dict[str, object] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text())
        except OSError as error:
            raise ConfigError(f"cannot read {file}: {error.strerror}", remedy="check --config") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} is not valid TOML: {error}", remedy="mend the file") from error
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(values, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file or 'settings'}: {error}", remedy="see docs/reference/settings.md for every key") from error


def _path(kind: type, value: object) -> object:
    """Turn a string in TOML into a path; msgspec knows none."""
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(kind)
