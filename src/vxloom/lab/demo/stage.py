"""What the scenes share: the lab, the API client, who was made, and the results as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vxloom.errors import VxloomError
from vxloom.lab.cloud import Api
from vxloom.lab.lab import Lab
from vxloom.lab.node import Place


@dataclass(frozen=True, slots=True)
class Result:
    """One claim: what was expected, what was seen."""

    scene: str
    claim: str
    seen: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Guest:
    """A VM of the play."""

    name: str
    id: str
    tenant: str
    mac: str
    ipv4: str
    ipv6: str


@dataclass(slots=True)
class Stage:
    """The running demonstration."""

    lab: Lab
    say: Callable[[str], None]
    api: Api | None = None
    zone: str = ""
    hosts: dict[str, str] = field(default_factory=dict)
    """Name → id."""
    networks: dict[str, dict[str, object]] = field(default_factory=dict)
    """Tenant → network."""
    vnis: dict[str, int] = field(default_factory=dict)
    """Tenant → VNI, once known."""
    guests: dict[str, Guest] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    scene: str = ""

    @property
    def client(self) -> Api:
        """The API client; the first scene makes it."""
        if self.api is None:
            raise VxloomError("the management server was not started")
        return self.api

    def check(self, claim: str, seen: object, *, holds: bool) -> None:
        """Note a claim and say it."""
        self.results.append(Result(self.scene, claim, str(seen), holds))
        self.say(f"    {'✓' if holds else '✗'} {claim}: {seen}")

    def of(self, tenant: str) -> list[Guest]:
        """Return a tenant's guests."""
        return [guest for guest in self.guests.values() if guest.tenant == tenant]

    def place(self, guest: Guest) -> Place:
        """Return where commands inside a guest run, wherever it is now."""
        return self.lab.guest(guest.name)

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """Run a scene under its title and say how long it took."""
        self.scene = title
        self.say(f"▸ {title}")
        started = time.monotonic()
        yield
        self.say(f"    {time.monotonic() - started:.1f} s")


def wait_for(condition: Callable[[], bool], seconds: float) -> float | None:
    """Return after how many seconds a condition came true, or None if it did not within ``seconds``."""
    started = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            return None
        time.sleep(0.002)
