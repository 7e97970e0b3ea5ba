"""Claims of shared addresses: kept until the server knows them, or nobody here can have them any more."""

from __future__ import annotations

from tests.unit.agent.words import NICS, document, port
from vxloom.agent.claims import claimed, settled
from vxloom.model.host import decode_ports

SHARED = ("10.1.1.100",)
KEY = (5001, "10.1.1.100")


def test_a_claim_is_kept_until_the_server_says_the_same():
    mine = {KEY: NICS[1]}
    assert settled(document(port(1, shared=SHARED)), mine) == mine
    assert settled(document(port(1, shared=SHARED, held=SHARED)), mine) == {}


def test_a_claim_of_a_nic_that_left_is_forgotten():
    """Else every new stream would claim the address for it again, from whoever holds it by then."""
    mine = {KEY: NICS[1]}
    assert settled(document(port(2, shared=SHARED)), mine) == {}
    assert settled(document(port(1)), mine) == {}


def test_the_last_claim_here_goes_ahead_of_the_servers_word():
    told = document(port(1, shared=SHARED, held=SHARED), port(2, shared=SHARED))
    ports = {one.nic: one.held for one in decode_ports(claimed(told, {KEY: NICS[2]}))[0]}
    assert ports == {NICS[1]: (), NICS[2]: SHARED}
