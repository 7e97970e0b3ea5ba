"""The API without a network: requests go straight to dispatch, hosts are rows that acknowledge when told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vxloom.errors import TransportError
from vxloom.model.wire import Report
from vxloom.server.command import registry
from vxloom.server.dispatch import answer
from vxloom.server.health import Health
from vxloom.server.jobs import Runner
from vxloom.server.responses import Reply
from vxloom.store import Acknowledgement, Store, Transaction, records

PENDING, DONE, FAILED = 0, 1, 2


def template_store(folder: Path) -> Path:
    """Make an empty store once; copies of it are quick."""
    file = folder / "store.db"
    Store(f"sqlite:///{file}").close()
    return file


class Stock:
    """One store for many tests: its tables are for each what they were when it was remembered.

    A store of its own for each test would have SQLAlchemy compile every statement anew: four fifths of a test's time.
    """

    def __init__(self, store: Store, file: Path) -> None:
        self.store = store
        self._first, self._here = sqlite3.connect(":memory:"), sqlite3.connect(file)
        self._here.backup(self._first)

    def refill(self) -> Store:
        self._first.backup(self._here)
        return self.store

    def close(self) -> None:
        self._first.close()
        self._here.close()
        self.store.close()


class Hosts:
    """A fleet whose hosts do what the test says."""

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.cut_off: list[str] = []
        self.confirmed: list[str] = []
        self.reconnected: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, bytes]] = []
        """Host, word and what it is about of every question."""
        self.conditions: dict[str, Health] = {}

    def live(self) -> frozenset[str]:
        return frozenset(self.up)

    def report(self, host: str) -> Report | None:
        return None

    def health(self, host: str) -> Health | None:
        return self.conditions.get(host)

    def strained(self) -> Mapping[str, str]:
        return {host: health.strained for host, health in self.conditions.items() if health.strained}

    def ask(self, host: str, what: str, timeout: float, about: bytes = b"") -> bytes:
        self.asked.append((host, what, about))
        if host not in self.up:
            raise TransportError("the host has no stream", remedy="start its agent")
        return self.answers[host]

    def confirm(self, host: str) -> None:
        if host not in self.up:
            raise TransportError("the host has no stream", remedy="start its agent")
        self.confirmed.append(host)

    def cut(self, host: str) -> None:
        self.cut_off.append(host)
        self.up.discard(host)

    def reconnect(self, host: str) -> None:
        if host not in self.up:
            raise TransportError("the host has no stream", remedy="start its agent")
        self.reconnected.append(host)

    def simulate(self, host: str) -> None:
        self.up.add(host)

    def issue_token(self, zone: str, name: str, actor: str, tx: Transaction | None = None) -> str:
        return f"vxl1.{name}"


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(f"{status} {content['errortext']}")
        self.status = status
        self.content = content
        self.text: str = content["errortext"]


@dataclass
class Desk:
    """One server without its sockets, and one caller."""

    store: Store
    hosts: Hosts = field(default_factory=Hosts)
    key: str = ""
    secret: str = ""
    time: float = 0.0
    """What the jobs' runner takes for the time; 0: the real one."""

    @classmethod
    def open(cls, template: Path, folder: Path) -> Desk:
        file = folder / "store.db"
        shutil.copy(template, file)
        return cls.of(Store(f"sqlite:///{file}"))

    @classmethod
    def of(cls, store: Store) -> Desk:
        """The desk of a store's first admin."""
        desk = cls(store)
        with desk.store.read() as rx:
            admin = rx.one(records.User, username="admin")
        assert admin is not None
        desk.key, desk.secret = admin.api_key or "", admin.secret_key or ""
        return desk

    def as_user(self, key: str, secret: str) -> Desk:
        return Desk(self.store, self.hosts, key, secret)

    def raw(self, command: str, *, form: str = "json", **parameters: object) -> Reply:
        """Sign and send; names with brackets are given as ``details__0__a`` → ``details[0].a``."""
        pairs = {_spelled(name): str(value) for name, value in parameters.items()}
        pairs |= {"command": command, "apiKey": self.key} | ({"response": form} if form else {})
        pairs["signature"] = signed(pairs, self.secret)
        return answer(list(pairs.items()), store=self.store, fleet=self.hosts)

    def ask(self, command: str, **parameters: object) -> dict[str, Any]:
        """Return the content of the answer; raises :class:`RefusedError`."""
        reply = self.raw(command, **parameters)
        wrapped = json.loads(reply.body)
        [(wrapper, content)] = wrapped.items()
        if reply.status != 200:
            raise RefusedError(reply.status, content)
        assert wrapper == (registry()[command].wrapper or f"{command.lower()}response")
        return content

    def refused(self, command: str, **parameters: object) -> RefusedError:
        """Return the refusal of a call that must not succeed."""
        try:
            content = self.ask(command, **parameters)
        except RefusedError as refusal:
            return refusal
        raise AssertionError(f"{command} was not refused: {content}")

    def job(self, jobid: str) -> dict[str, Any]:
        return self.ask("queryAsyncJobResult", jobid=jobid)

    def do(self, command: str, **parameters: object) -> dict[str, Any]:
        """Call, let every live host acknowledge until the job ends, and return its result; raises :class:`RefusedError`."""
        content = self.ask(command, **parameters)
        if "jobid" not in content:
            return content
        for _ in range(10):
            job = self.job(content["jobid"])
            if job["jobstatus"] == FAILED:
                raise RefusedError(job["jobresultcode"], job["jobresult"])
            if job["jobstatus"] == DONE:
                return job["jobresult"]
            self.settle()
        raise AssertionError(f"the job does not end: {job}")

    def runner(self) -> Runner:
        return Runner(self.store, self.hosts, patience=0, clock=lambda: self.time or time.time())

    def settle(self, *but: str) -> None:
        """Every live host but these acknowledges all it was sent; then the jobs are looked at."""
        self.acknowledge(*but)
        self.runner().turn()

    def acknowledge(self, *but: str) -> None:
        """Every live host but these acknowledges all it was sent."""
        for host in sorted(self.hosts.up - set(but)):
            with self.store.read() as rx:
                told = rx.host_intent(host)
            self.store.acknowledge(
                Acknowledgement(host, told.revision, dict(told.segments), tuple(told.gone_segments), tuple(told.gone_ports))
            )

    # --- things most tests need

    def zone(self, name: str = "z1", vlan: str = "5000-5999") -> str:
        zone = self.ask("createZone", name=name, networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
        physical = self.ask("createPhysicalNetwork", name=f"{name}-overlay", zoneid=zone, isolationmethods="VXLAN", vlan=vlan)["id"]
        self.ask("addTrafficType", physicalnetworkid=physical, traffictype="Guest", kvmnetworklabel="cloudbr0")
        self.ask("updatePhysicalNetwork", id=physical, state="Enabled")
        self.ask("updateZone", id=zone, allocationstate="Enabled")
        return str(zone)

    def host(self, zone: str, name: str, **facts: str) -> str:
        """A host as the gateway makes one when its agent joins."""
        with self.store.write("gateway") as tx:
            pod, cluster = tx.one(records.Pod, zone=zone), tx.one(records.Cluster, zone=zone)
            assert pod is not None
            assert cluster is not None
            number = tx.count(records.Host) + 1
            row = records.Host(
                zone=zone,
                pod=pod.id,
                cluster=cluster.id,
                name=name,
                address=f"192.0.2.{number}",
                vtep=f"192.0.2.{number}",
                state=records.HostState.UP,
                facts=facts,
            )
            host = tx.add_host(row)
        self.hosts.up.add(host.id)
        return host.id

    def offering(self, kind: str) -> str:
        return str(self.ask("listNetworkOfferings", guestiptype=kind)["networkoffering"][0]["id"])

    def network(self, zone: str, name: str = "n1", kind: str = "Isolated", **more: object) -> dict[str, Any]:
        return self.ask("createNetwork", name=name, zoneid=zone, networkofferingid=self.offering(kind), **more)["network"]

    def sizes(self) -> dict[str, str]:
        size = self.ask("listServiceOfferings")["serviceoffering"][0]["id"]
        template = self.ask("listTemplates", templatefilter="executable")["template"][0]["id"]
        return {"serviceofferingid": size, "templateid": template}

    def deploy(self, zone: str, network: str, name: str, **more: object) -> dict[str, Any]:
        return self.do("deployVirtualMachine", name=name, zoneid=zone, networkids=network, **self.sizes(), **more)["virtualmachine"]

    def tenant(self, name: str, **more: object) -> Desk:
        """Make an account and return the desk of its user."""
        who = {"username": name, "password": "secret", "firstname": name, "lastname": name, "email": f"{name}@example.org", "account": name}
        account = self.ask("createAccount", **who, **more)["account"]
        keys = self.ask("registerUserKeys", id=account["user"][0]["id"])["userkeys"]
        return self.as_user(keys["apikey"], keys["secretkey"])


def signed(pairs: dict[str, str], secret: str) -> str:
    text = "&".join(f"{name}={quote(value, safe='*')}" for name, value in sorted(pairs.items())).lower()
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _spelled(name: str) -> str:
    parts = name.rstrip("_").split("__")
    return f"{parts[0]}[{parts[1]}].{parts[2].replace('_', '.')}" if len(parts) == 3 else name.rstrip("_")
