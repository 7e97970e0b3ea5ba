"""Intent → the document of one host: what it must know besides its segments' tables. The server's half of the compiler."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from vxloom.compiler.segments import active_binding
from vxloom.errors import IntentError
from vxloom.model.addresses import IpAddress, parse_ip
from vxloom.model.host import HostDocument, PortDocument, PortSecurity, SegmentNeed, encode_port, tap_name
from vxloom.model.intent import Binding, BindingState, Host, Intent, Network, Nic

Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network


def compile_document(
    intent: Intent,
    host_id: str,
    revision: int,
    needs: Mapping[int, int],
    gone_ports: tuple[str, ...] = (),
    gone_segments: tuple[int, ...] = (),
    *,
    removal_share: float = 0.2,
    storm_limit: int = 0,
) -> HostDocument:
    """Return the document of one host.

    ``needs`` gives the revision each segment's table must reach (VNI → revision); a segment it does not name is
    needed at the intent's revision. What is in the document follows from bindings alone. Raises
    :class:`IntentError` when the intent has no such host.
    """
    host = _host(intent, host_id)
    networks = {network.id: network for network in intent.networks}
    ports: list[PortDocument] = []
    for nic in sorted(intent.nics, key=lambda nic: nic.id):
        network = networks.get(nic.network)
        binding = _binding_here(nic, host_id)
        if network is not None and binding is not None:
            ports.append(_port(nic, network, binding))
    vnis = sorted({port.vni for port in ports})
    return HostDocument(
        host=host.id,
        number=host.number,
        name=host.name,
        zone=intent.zone,
        epoch=intent.epoch,
        revision=revision,
        vtep=host.vtep,
        udp_port=intent.udp_port,
        df=intent.df,
        segments=tuple(SegmentNeed(vni, needs.get(vni, intent.revision)) for vni in vnis),
        ports=tuple(encode_port(port) for port in ports),
        gone_ports=tuple(sorted(gone_ports)),
        gone_segments=tuple(sorted(gone_segments)),
        removal_share=removal_share,
        storm_limit=storm_limit,
    )


def _host(intent: Intent, host_id: str) -> Host:
    for host in intent.hosts:
        if host.id == host_id:
            return host
    raise IntentError(f"host {host_id} is not part of this intent", remedy="give the id of a host of the zone")


def _binding_here(nic: Nic, host_id: str) -> Binding | None:
    """Return the NIC's latest binding on this host. An active one that a later one elsewhere has overtaken counts as outgoing."""
    here = [binding for binding in nic.bindings if binding.host == host_id]
    if not here:
        return None
    latest = max(here, key=lambda binding: (binding.sequence, binding.state is BindingState.ACTIVE))
    winner = active_binding(nic.bindings)
    if latest.state is BindingState.ACTIVE and winner is not None and winner.host != host_id:
        return Binding(host_id, BindingState.OUTGOING, latest.sequence)
    return latest


def _port(nic: Nic, network: Network, binding: Binding) -> PortDocument:
    prefixes = _prefixes(network)
    shared_macs = [text for text in nic.shared if text.count(":") == 5 and len(text) == 17]
    shared_ips = [text for text in nic.shared if text not in shared_macs]
    return PortDocument(
        nic=nic.id,
        vm=nic.vm,
        vm_name=nic.vm_name,
        vni=network.vni,
        mac=nic.mac,
        state=binding.state,
        sequence=binding.sequence,
        security=PortSecurity(
            macs=tuple(sorted({nic.mac, *shared_macs})),
            ips=tuple(sorted({*nic.ips, *shared_ips})) if network.addressed else (),
            checked=network.addressed,
        ),
        tap=nic.tap or tap_name(nic.id),
        running=nic.running,
        source=nic.source,
        position=nic.position,
        ips=tuple(_with_prefix(text, prefixes) for text in nic.ips),
        gateway=network.gateway if nic.gateway is None else nic.gateway,
        shared=nic.shared,
        held=nic.held,
    )


def _prefixes(network: Network) -> tuple[Prefix, ...]:
    found: list[Prefix] = []
    for text in network.prefixes:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:  # `validate` names it; the addresses then stand alone
            continue
    return tuple(found)


def _with_prefix(text: str, prefixes: tuple[Prefix, ...]) -> str:
    """Return ``address/length`` with the length of the narrowest prefix that holds it, a host's own where none does."""
    try:
        address: IpAddress = parse_ip(text)
    except IntentError:
        return text
    lengths = [prefix.prefixlen for prefix in prefixes if address in prefix]
    return f"{address}/{max(lengths, default=address.max_prefixlen)}"
