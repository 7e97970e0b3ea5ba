"""A lab becomes a cloud: zone, physical network, traffic label, every hypervisor joined. Spoken through the CloudStack API.

The client is the unmodified ``cs`` package: what an operator would type, nothing of our own behind the API's back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from vxloom.errors import ConfigError, RequestError, TransportError, VxloomError
from vxloom.lab.lab import Lab

ZONE = "lab"
PHYSICAL_NETWORK = "overlay"
VNIS = "5000-16777214"
LABEL = "cloudbr1"
READY_SECONDS = 30.0
JOB_SECONDS = 60

Object = Mapping[str, object]


class Api(Protocol):
    """The part of ``cs.CloudStack`` in use: any command is a method; lists answer their objects' dictionary."""

    def __getattr__(self, command: str) -> Callable[..., dict[str, object]]:
        """Return the command as a function of its parameters."""
        ...


def client(lab: Lab) -> Api:
    """Return the ``cs`` package's client for the lab's server, with the admin's keys. Raises :class:`ConfigError`."""
    try:
        from cs import CloudStack
    except ImportError:
        raise ConfigError("the CloudStack client `cs` is not installed", remedy="run `make setup`, or: pip install cs") from None
    keys = lab.environment()
    made = CloudStack(
        endpoint=keys["CLOUDSTACK_ENDPOINT"],
        key=keys["CLOUDSTACK_KEY"],
        secret=keys["CLOUDSTACK_SECRET"],
        timeout=60,
        job_timeout=JOB_SECONDS,
        poll_interval=0.02,
    )
    return cast("Api", made)


def objects(api: Api, command: str, kind: str, **parameters: object) -> list[Object]:
    """Return a list command's objects."""
    return cast("list[Object]", call(api, command, listall="true", **parameters).get(kind, []))


def call(api: Api, command: str, **parameters: object) -> dict[str, object]:
    """Return what a command answers, its job's result if it makes one. Raises :class:`RequestError` with the server's words,
    :class:`TransportError` if there is no answer.
    """
    from cs import CloudStackException
    from requests import RequestException

    try:
        return cast("dict[str, object]", getattr(api, command)(fetch_result=not command.startswith("list"), **parameters))
    except CloudStackException as error:
        raise RequestError(f"{command}: {error}", code=getattr(error, "error_code", 530) or 530) from error
    except RequestException as error:
        raise TransportError(f"{command}: no answer: {error}", remedy="see the server's log in the lab") from error


def make_zone(api: Api) -> str:
    """Make zone, physical network with VNIs and traffic label; return the zone's id."""
    zone = cast("Object", call(api, "createZone", name=ZONE, networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"])
    identity = str(zone["id"])
    network = cast(
        "Object",
        call(api, "createPhysicalNetwork", name=PHYSICAL_NETWORK, zoneid=identity, isolationmethods="VXLAN", vlan=VNIS)["physicalnetwork"],
    )
    physical = str(network["id"])
    call(api, "addTrafficType", physicalnetworkid=physical, traffictype="Guest", kvmnetworklabel=LABEL)
    call(api, "updatePhysicalNetwork", id=physical, state="Enabled")
    call(api, "updateZone", id=identity, allocationstate="Enabled")
    return identity


def join_hosts(lab: Lab, api: Api, zone: str, names: Sequence[str] = ()) -> None:
    """Give every hypervisor a token, start its agent, and wait until the server lists them all Up."""
    chosen = names or tuple(node.name for node in lab.hypervisors)
    for name in chosen:
        answer = call(api, "createHostJoinToken", name=name, zoneid=zone)
        token = cast("Object", answer["hostjointoken"])["token"]
        lab.start_agent(name, token=str(token), labels={LABEL: "eth0"})
    await_hosts(lab, api, chosen)


def await_hosts(lab: Lab, api: Api, names: Sequence[str]) -> None:
    """Wait until these hosts' agents answer the server and have nothing left to do or to hold back but what waits for a person.

    ``state`` alone will not do: a server that was just started calls its hosts Up until they are late.
    Raises :class:`VxloomError` naming those that do not answer.
    """
    deadline = time.monotonic() + READY_SECONDS
    late = set(names)
    while True:
        late -= {name for name in late if _in_step(api, name)}
        if not late:
            return
        if time.monotonic() > deadline:
            words = "\n".join(f"{name}: {lab.log_path(name, 'agent')}" for name in sorted(late))
            raise VxloomError(
                f"hosts {', '.join(sorted(late))} are not in step after {READY_SECONDS:g} s", remedy=f"their agents' logs:\n{words}"
            )
        time.sleep(0.02)


def _in_step(api: Api, name: str) -> bool:
    try:
        plan = cast("Object", call(api, "vxloomPlanHost", name=name)["plan"])
    except (RequestError, TransportError):
        return False  # not joined yet, or no stream yet
    return bool(plan.get("holding")) or not plan.get("steps")


def offering(api: Api, guest_type: str) -> str:
    """Return the id of an enabled network offering of a guest IP type ("Isolated", "L2"): ours if there is one."""
    found = [row for row in objects(api, "listNetworkOfferings", "networkoffering") if row.get("guestiptype") == guest_type]
    if not found:
        raise VxloomError(f"the server has no {guest_type} network offering", remedy="create one: createNetworkOffering")
    best = sorted(found, key=lambda row: "vxloom" not in str(row["name"]))
    return str(best[0]["id"])


def make_network(api: Api, name: str, zone: str, **parameters: object) -> Object:
    """Make an Isolated network and return it."""
    answer = call(api, "createNetwork", name=name, displaytext=name, zoneid=zone, networkofferingid=offering(api, "Isolated"), **parameters)
    return cast("Object", answer["network"])


def deploy(api: Api, name: str, zone: str, network: str, host: str, address: str, **parameters: object) -> Object:
    """Deploy a guest on a host with a chosen IPv4 address; return the VM when all hosts concerned have acknowledged."""
    size = objects(api, "listServiceOfferings", "serviceoffering")[0]["id"]
    template = objects(api, "listTemplates", "template", templatefilter="executable", zoneid=zone)[0]["id"]
    answer = call(
        api,
        "deployVirtualMachine",
        name=name,
        displayname=name,
        zoneid=zone,
        serviceofferingid=size,
        templateid=template,
        networkids=network,
        hostid=host,
        ipaddress=address,
        **parameters,
    )
    return cast("Object", answer["virtualmachine"])
