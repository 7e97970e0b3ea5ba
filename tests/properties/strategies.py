"""Clouds that hypothesis makes: sane ones, whose every NIC has its place, and any ones, which may contradict themselves."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from tests.intents import ACTIVE, INCOMING, OUTGOING, at, cloud, host, mac, network, nic
from vxloom.compiler.frames import BROADCAST
from vxloom.model.intent import Binding, Intent, Nic

FEW = settings(max_examples=30)
"""Each example compiles a whole cloud, often on several hosts."""
VNIS = (5001, 5002, 5003)
HOSTS = (1, 2, 3, 4)
NUMBERS = tuple(range(1, 9))
TEXTS = ("", "x", "10.1.1.5", "fd00:1::5", "fd00:1:0:0:0:0:0:5", "10.1.1.300", "::", "02:00:00:00:00:05", BROADCAST, "1:2", "é")
"""Addresses and what is none."""
SHARED = ("10.1.1.99", "00:00:5e:00:01:07")


@st.composite
def sane_clouds(draw: st.DrawFn, *, revision: int = 7) -> Intent:
    """3 networks with the same addresses, up to 8 NICs each on 4 hosts; some move, some are stopped, some share addresses."""
    networks = [network(vni, addressed=vni != VNIS[2], mtu=draw(st.sampled_from((1450, 1400)))) for vni in VNIS]
    nics: list[Nic] = []
    for vni in VNIS:
        numbers = draw(st.sets(st.sampled_from(NUMBERS), max_size=len(NUMBERS)))
        holder = draw(st.sampled_from((0, *sorted(numbers))))
        for number in sorted(numbers):
            shared = SHARED if number <= 3 and vni == VNIS[0] else ()
            held = SHARED if shared and number == holder else ()
            nics.append(
                nic(
                    number,
                    vni,
                    *draw(places()),
                    shared=shared,
                    held=held,
                    running=draw(st.booleans()) or draw(st.booleans()),
                    addressed=vni != VNIS[2],
                )
            )
    chosen = draw(st.permutations(nics))
    return cloud(tuple(networks), tuple(chosen), hosts=tuple(host(n) for n in HOSTS), revision=revision)


@st.composite
def places(draw: st.DrawFn) -> tuple[Binding, ...]:
    """Nowhere, somewhere, or moving from one host to another."""
    here, there = draw(st.permutations(HOSTS))[:2]
    return draw(
        st.sampled_from(
            (
                (),
                (at(here),),
                (at(here), at(there, INCOMING, 2)),
                (at(here, OUTGOING), at(there, ACTIVE, 2)),
                (at(there, INCOMING),),
            )
        )
    )


@st.composite
def any_clouds(draw: st.DrawFn) -> Intent:
    """Clouds that may contradict themselves in every way there is: the compiler must take them all."""
    texts = st.sampled_from(
        ("", "x", "10.1.1.5", "fd00:1::5", "fd00:1:0:0:0:0:0:5", "10.1.1.300", "::", mac(5), "ff:ff:ff:ff:ff:ff", "1:2", "é")
    )
    bindings = st.builds(
        Binding,
        st.sampled_from(("host-1", "host-2", "host-9")),
        st.sampled_from((ACTIVE, INCOMING, OUTGOING)),
        st.integers(1, 3),
    )
    hosts = st.builds(host, st.integers(1, 3), st.sampled_from(("192.0.2.1", "192.0.2.2", "2001:db8::1", "nowhere", "")))
    networks = st.builds(network, st.sampled_from((5001, 5002)), addressed=st.booleans())
    nics = st.builds(
        lambda number, vni, where, **fields: nic(number, vni, *where, **fields),
        st.integers(1, 3),
        st.sampled_from((5001, 5002, 5009)),
        st.lists(bindings, max_size=3).map(tuple),
        mac=st.one_of(texts, st.sampled_from((mac(1), mac(2)))),
        ips=st.lists(texts, max_size=2).map(tuple),
        shared=st.lists(texts, max_size=2).map(tuple),
        held=st.lists(texts, max_size=2).map(tuple),
        tap=st.sampled_from(("", "vnet0", "a-name-far-too-long-for-a-link")),
    )
    return cloud(
        tuple(draw(st.lists(networks, max_size=3))),
        tuple(draw(st.lists(nics, max_size=5))),
        hosts=tuple(draw(st.lists(hosts, min_size=1, max_size=3))),
    )
