"""The tables, made from `records.py`: one table per record, one column per field; here are the keys, references and indices.

A migration in `migrations/versions` builds the same; a test compares both.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import SchemaItem

from vxloom.store import records as r

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
TABLES: dict[type, sa.Table] = {}
"""Record class → table."""


class EnumText(sa.TypeDecorator[StrEnum]):
    """A StrEnum as text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class EnumNumber(sa.TypeDecorator[IntEnum]):
    """An IntEnum as integer."""

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, kind: type[IntEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> IntEnum | None:
        return None if value is None else self.kind(value)


class Json(sa.TypeDecorator[object]):
    """A dict or tuple as JSON text, decoded to exactly its declared type."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self._decoder = msgspec.json.Decoder(_FORMS[form])

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        return None if value is None else self._decoder.decode(value)


_FORMS: dict[str, Any] = {
    "tuple[str, ...]": tuple[str, ...],
    "dict[str, str]": dict[str, str],
    "dict[str, tuple[str, ...]]": dict[str, tuple[str, ...]],
    "dict[str, object]": dict[str, object],
}


def _column_type(hint: Any) -> sa.types.TypeEngine[Any]:
    plain: dict[Any, sa.types.TypeEngine[Any]] = {
        str: sa.Text(),
        int: sa.BigInteger(),
        float: sa.Double(),
        bool: sa.Boolean(),
    }
    if hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return EnumText(hint)
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return EnumNumber(hint)
    for name, form in _FORMS.items():
        if hint == form:
            return Json(name)
    raise TypeError(f"no column type for {hint!r}")


def _table(
    kind: type,
    name: str,
    *,
    unique: tuple[tuple[str, ...], ...] = (),
    index: tuple[tuple[str, ...], ...] = (),
    references: dict[str, str] | None = None,
    cascade: frozenset[str] = frozenset(),
) -> None:
    """Declare a record's table. ``references``: field → table it points to; ``cascade``: those that die with what they point to."""
    hints = typing.get_type_hints(kind)
    columns: list[sa.Column[Any]] = []
    for field in dataclasses.fields(kind):
        hint, optional = hints[field.name], False
        if isinstance(hint, types.UnionType):
            members = [part for part in typing.get_args(hint) if part is not type(None)]
            hint, optional = members[0], True
        target = (references or {}).get(field.name)
        keys = (sa.ForeignKey(f"{target}.id", ondelete="CASCADE" if field.name in cascade else None),) if target else ()
        columns.append(sa.Column(field.name, _column_type(hint), *keys, primary_key=field.name == "id", nullable=optional))
    rules: list[SchemaItem] = [sa.UniqueConstraint(*fields) for fields in unique]
    rules += [sa.Index(None, *fields) for fields in index]
    TABLES[kind] = sa.Table(name, METADATA, *columns, *rules)


_table(r.Meta, "meta")
_table(r.Domain, "domains", unique=(("path",),), references={"parent": "domains"})
_table(r.Role, "roles", unique=(("name",),))
_table(
    r.RolePermission,
    "role_permissions",
    unique=(("role", "rule"),),
    references={"role": "roles"},
    cascade=frozenset({"role"}),
)
_table(r.Account, "accounts", unique=(("domain", "name"),), references={"domain": "domains", "role": "roles"})
_table(r.User, "users", unique=(("api_key",),), index=(("account",), ("username",)), references={"account": "accounts"})
_table(r.Session, "sessions", index=(("user",),), references={"user": "users"}, cascade=frozenset({"user"}))
_table(r.SshKeyPair, "ssh_key_pairs", unique=(("account", "name"),), references={"account": "accounts"}, cascade=frozenset({"account"}))
_table(
    r.Project,
    "projects",
    unique=(("domain", "name"), ("account",)),
    references={"domain": "domains", "account": "accounts"},
)
_table(
    r.ProjectMember,
    "project_members",
    unique=(("project", "account"),),
    index=(("account",),),
    references={"project": "projects", "account": "accounts"},
    cascade=frozenset({"project", "account"}),
)
_table(r.Zone, "zones", unique=(("name",),), references={"domain": "domains"})
_table(r.Pod, "pods", unique=(("zone", "name"),), references={"zone": "zones"})
_table(r.Cluster, "clusters", unique=(("pod", "name"),), index=(("zone",),), references={"zone": "zones", "pod": "pods"})
_table(
    r.Host,
    "hosts",
    unique=(("number",), ("zone", "name")),
    index=(("cluster",),),
    references={"zone": "zones", "pod": "pods", "cluster": "clusters"},
)
_table(
    r.JoinToken,
    "join_tokens",
    unique=(("secret_hash",),),
    references={"zone": "zones", "pod": "pods", "cluster": "clusters", "host": "hosts"},
    cascade=frozenset({"zone", "pod", "cluster", "host"}),
)
_table(r.Certificate, "certificates", index=(("host",),), references={"host": "hosts"}, cascade=frozenset({"host"}))
_table(
    r.NarrowPath,
    "narrow_paths",
    unique=(("host", "remote"),),
    index=(("zone",),),
    references={"host": "hosts"},
    cascade=frozenset({"host"}),
)
_table(r.PhysicalNetwork, "physical_networks", index=(("zone",),), references={"zone": "zones"})
_table(
    r.VniRange,
    "vni_ranges",
    unique=(("physical_network", "start"),),
    index=(("zone", "start"),),
    references={"zone": "zones", "physical_network": "physical_networks"},
    cascade=frozenset({"physical_network"}),
)
_table(
    r.DedicatedRange,
    "dedicated_ranges",
    unique=(("physical_network", "start"),),
    index=(("zone", "start"), ("account",)),
    references={"zone": "zones", "physical_network": "physical_networks", "account": "accounts"},
    cascade=frozenset({"physical_network", "account"}),
)
_table(
    r.TrafficType,
    "traffic_types",
    unique=(("physical_network", "traffic_type"),),
    references={"physical_network": "physical_networks"},
    cascade=frozenset({"physical_network"}),
)
_table(
    r.Provider,
    "providers",
    unique=(("physical_network", "name"), ("element",)),
    references={"physical_network": "physical_networks"},
    cascade=frozenset({"physical_network"}),
)
_table(r.ServiceOffering, "service_offerings", index=(("name",),))
_table(r.NetworkOffering, "network_offerings", unique=(("name",),), references={"service_offering": "service_offerings"})
_table(r.Template, "templates", index=(("name",),), references={"account": "accounts"})
_table(
    r.Network,
    "networks",
    index=(("zone", "vni"), ("account",), ("physical_network",), ("offering",)),
    references={
        "zone": "zones",
        "physical_network": "physical_networks",
        "offering": "network_offerings",
        "account": "accounts",
        "domain": "domains",
    },
)
_table(
    r.IpRange,
    "ip_ranges",
    index=(("zone",), ("network",)),
    references={"zone": "zones", "network": "networks", "physical_network": "physical_networks", "pod": "pods"},
    cascade=frozenset({"network"}),
)
_table(
    r.Vm,
    "vms",
    # Lists come oldest first, in pages, of one account or zone, without destroyed machines, by part of a name: an index holds it all.
    index=(
        ("zone", "created", "id", "state"),
        ("account", "created", "id", "state"),
        ("created", "id", "state", "name", "display_name"),
        ("name",),
    ),
    references={"zone": "zones", "account": "accounts", "service_offering": "service_offerings", "template": "templates"},
)
_table(r.Nic, "nics", index=(("vm",), ("network",)), references={"vm": "vms", "network": "networks"})
_table(r.NicIp, "nic_ips", index=(("nic",),), references={"nic": "nics"}, cascade=frozenset({"nic"}))
_table(
    r.Binding,
    "bindings",
    unique=(("nic", "host"),),
    index=(("host",),),
    references={"nic": "nics", "host": "hosts"},
)
_table(r.Tag, "tags", unique=(("resource", "key"),), references={"account": "accounts"}, cascade=frozenset({"account"}))

# Allocations and beliefs outlive the NIC or network they speak of: that is what they are for (law 7).
_table(
    r.VniAllocation,
    "vni_allocations",
    unique=(("zone", "vni"),),
    index=(("zone", "state"), ("physical_network",)),
    references={"zone": "zones"},
    cascade=frozenset({"zone"}),
)
_table(
    r.MacAllocation,
    "mac_allocations",
    unique=(("zone", "mac"),),
    index=(("zone", "state"), ("nic",)),
    references={"zone": "zones"},
    cascade=frozenset({"zone"}),
)
_table(
    r.IpAllocation,
    "ip_allocations",
    unique=(("network", "address"),),
    index=(("network", "family", "offset"), ("zone", "state"), ("nic",)),
    references={"zone": "zones", "network": "networks"},
    cascade=frozenset({"zone", "network"}),
)
_table(
    r.Belief,
    "beliefs",
    unique=(("host", "kind", "key"),),
    index=(("zone", "kind", "key"),),
    references={"zone": "zones", "host": "hosts"},
    cascade=frozenset({"zone", "host"}),
)

# History outlives what it speaks of, so it references nothing.
_table(r.Job, "jobs", index=(("status",), ("created",)))
_table(
    r.JobWait,
    "job_waits",
    unique=(("job", "host", "kind", "key"),),
    index=(("host", "acked"),),
    references={"job": "jobs"},
    cascade=frozenset({"job"}),
)
_table(r.Answered, "answered", unique=(("user", "key"),), index=(("created",),))
_table(r.Event, "events", index=(("created",), ("account",), ("resource",)))
_table(r.Alert, "alerts", index=(("name", "subject"), ("sent",)))
_table(
    r.Configuration,
    "configurations",
    index=(("name",),),
    references={"zone": "zones", "account": "accounts"},
    cascade=frozenset({"zone"}),
)
_table(r.Revision, "revisions", unique=(("zone", "revision"),), references={"zone": "zones"}, cascade=frozenset({"zone"}))
_table(r.Change, "changes", index=(("zone", "revision"),), references={"zone": "zones"}, cascade=frozenset({"zone"}))
