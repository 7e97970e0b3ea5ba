"""Guests that are network namespaces: made, kept, mended and removed. Each test has a /run of its own, gone with its thread."""

from __future__ import annotations

import ctypes
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.agent.words import NICS, port
from vxloom.errors import DataplaneError
from vxloom.hypervisor import namespace
from vxloom.hypervisor.namespace import NETNS, NamespaceSource, guest_name

_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000  # linux/sched.h
MTUS = {5001: 1450}


def apart(body: Callable[[], None]) -> None:
    """Run in a thread with its own network, and its own mounts of which /run is empty: nothing of it is seen or left outside."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) == 0, ctypes.get_errno()
            for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "vxloom-test", "/run"]):
                subprocess.run(command, check=True)
            body()
        except BaseException as failure:  # noqa: BLE001 - carried to the test's own thread
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def links() -> set[str]:
    return {link["ifname"] for link in json.loads(ip("-j", "link"))} - {"lo"}


def card(one, name: str = "eth0") -> dict:
    return json.loads(ip("-n", guest_name(one), "-j", "addr", "show", "dev", name))[0]


def source() -> NamespaceSource:
    return NamespaceSource(Path("/run/vxloom/guests"))


ONE = port(1, ips=("10.1.1.1/24", "fd00:1::1/64"), gateway="10.1.1.254")


def made(*ports) -> None:
    plugs = source().ensure(ports, MTUS)
    assert [plug.problem for plug in plugs] == [""] * len(ports)


def test_a_guest_has_its_card_its_addresses_and_a_tap():
    def body() -> None:
        made(ONE)
        link = card(ONE)
        assert (link["address"], link["mtu"], "UP" in link["flags"]) == (ONE.mac, 1450, True)
        assert {"10.1.1.1", "fd00:1::1"} <= {a["local"] for a in link["addr_info"]}
        assert links() == {ONE.tap}
        assert "10.1.1.254" in ip("-n", guest_name(ONE), "route")

    apart(body)


def test_what_stands_is_asked_about_once_and_not_written(monkeypatch):
    def body() -> None:
        made(ONE)
        asked, real = [], namespace._ip
        monkeypatch.setattr(namespace, "_ip", lambda *a, **k: (asked.append(a), real(*a, **k))[1])
        made(ONE)
        assert len(asked) <= 2
        assert all("show" in arguments for arguments in asked)

    apart(body)


def test_a_stopped_guest_is_silent_and_a_started_one_has_its_addresses_again():
    def body() -> None:
        made(ONE)
        made(port(1, ips=ONE.ips, gateway=ONE.gateway, running=False))
        assert "UP" not in card(ONE)["flags"]
        made(ONE)
        assert {"10.1.1.1", "fd00:1::1"} <= {a["local"] for a in card(ONE)["addr_info"]}
        assert "10.1.1.254" in ip("-n", guest_name(ONE), "route")

    apart(body)


def test_size_and_address_of_a_card_follow_the_word():
    def body() -> None:
        made(ONE)
        source().ensure([port(1, ips=ONE.ips, mac="02:00:00:00:00:aa")], {5001: 1400})
        assert (card(ONE)["mtu"], card(ONE)["address"]) == (1400, "02:00:00:00:00:aa")

    apart(body)


def test_two_cards_of_one_guest_come_and_go_each_for_itself():
    two = port(2, vm=ONE.vm, vm_name=ONE.vm_name, position=1)

    def body() -> None:
        made(ONE, two)
        assert card(ONE, "eth1")["address"] == two.mac
        assert source().remove([ONE], prune=True) == (two.nic,)
        assert links() == {ONE.tap}
        assert card(ONE)["address"] == ONE.mac
        assert source().remove([], prune=True) == (ONE.nic,)
        assert links() == set()
        assert not list(NETNS.iterdir())

    apart(body)


def test_a_card_in_the_place_of_another_waits_until_that_one_has_gone():
    successor = port(2, vm=ONE.vm, vm_name=ONE.vm_name)

    def body() -> None:
        made(ONE)
        (plug,) = source().ensure([successor], MTUS)
        assert "tried again" in plug.problem
        assert links() == {ONE.tap}, "who may withdraw the first is not decided here"
        source().remove([successor], prune=True)
        made(successor)
        assert links() == {successor.tap}

    apart(body)


def test_a_guest_whose_name_was_removed_while_a_process_held_it_is_made_again():
    def body() -> None:
        made(ONE)
        holder = subprocess.Popen(["ip", "netns", "exec", guest_name(ONE), "sleep", "60"])
        try:
            inode = (NETNS / guest_name(ONE)).stat().st_ino
            while not Path(f"/proc/{holder.pid}/ns/net").exists() or Path(f"/proc/{holder.pid}/ns/net").stat().st_ino != inode:
                assert holder.poll() is None
            ip("netns", "del", guest_name(ONE))
            made(ONE)
            assert "UP" in card(ONE)["flags"]
            assert links() == {ONE.tap}
        finally:
            holder.kill()
            holder.wait()

    apart(body)


def test_a_name_without_a_namespace_is_no_guest():
    """As after a kill between the file and its mount, or with a /run that outlived the boot."""

    def body() -> None:
        NETNS.mkdir()
        (NETNS / guest_name(ONE)).touch()
        made(ONE)
        assert card(ONE)["address"] == ONE.mac

    apart(body)


def test_after_a_boot_guests_are_made_again():
    def body() -> None:
        made(ONE)
        ip("netns", "del", guest_name(ONE))
        subprocess.run(["ip", "link", "del", ONE.tap], check=False, capture_output=True)
        made(ONE)
        assert links() == {ONE.tap}

    apart(body)


def test_a_strangers_device_of_the_taps_name_is_left_alone_and_told():
    def body() -> None:
        ip("tuntap", "add", ONE.tap, "mode", "tap")
        (plug,) = source().ensure([ONE], MTUS)
        assert "somebody else's" in plug.problem
        assert json.loads(ip("-j", "-d", "link", "show", "dev", ONE.tap))[0]["linkinfo"]["info_kind"] == "tun"

    apart(body)


@pytest.mark.parametrize("name", ["../../tmp/x", "a/b", "", ".", "name with spaces", "-n", "ünïcödé", "x" * 300])
def test_whatever_a_machine_is_called_it_stays_in_its_folder(name):
    odd = port(1, vm_name=name)

    def body() -> None:
        made(odd)
        assert (NETNS / guest_name(odd)).parent.resolve() == NETNS.resolve()
        assert [path.name for path in NETNS.iterdir()] == [guest_name(odd)]
        assert source().remove([], prune=True) == (odd.nic,)
        assert not list(NETNS.iterdir())

    apart(body)


def test_machines_of_one_name_are_two_guests():
    other = port(2, vm=NICS[2], vm_name=ONE.vm_name)

    def body() -> None:
        made(ONE, other)
        assert len(list(NETNS.iterdir())) == 2

    apart(body)


def test_one_guest_that_cannot_be_removed_does_not_keep_the_others():
    def body() -> None:
        made(ONE, port(2))
        (Path("/run/vxloom/guests") / guest_name(ONE)).write_text("{torn")
        with pytest.raises(DataplaneError, match="by hand"):
            source().remove([], prune=True)
        assert links() == {ONE.tap}

    apart(body)


def test_what_runs_in_a_guest_ends_with_it():
    def body() -> None:
        made(ONE)
        inside = subprocess.Popen(["ip", "netns", "exec", guest_name(ONE), "sleep", "60"])
        inode = (NETNS / guest_name(ONE)).stat().st_ino
        while Path(f"/proc/{inside.pid}/ns/net").stat().st_ino != inode:
            assert inside.poll() is None
        source().remove([], prune=True)
        assert inside.wait(10) == -9

    apart(body)


def test_without_iproute2_the_problem_says_so(monkeypatch):
    def body() -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        (plug,) = source().ensure([ONE], MTUS)
        assert "iproute2" in plug.problem

    apart(body)


def addresses(one, name: str = "eth0") -> set[str]:
    return {f"{a['local']}/{a['prefixlen']}" for a in card(one, name)["addr_info"] if a["scope"] == "global"}


def test_an_address_that_is_no_longer_given_is_taken_back_and_the_others_stay():
    """The kernel drops an address's secondaries with it, and the routes over them."""
    changed = port(1, ips=("10.1.1.77/24", "10.1.1.8/24", "fd00:1::1/64"), gateway="10.1.1.254")

    def body() -> None:
        made(port(1, ips=("10.1.1.1/24", "10.1.1.8/24", "fd00:1::1/64"), gateway="10.1.1.254"))
        ip("-n", guest_name(ONE), "addr", "add", "10.1.1.200/32", "dev", "eth0")  # its own
        made(changed)
        assert addresses(ONE) == {"10.1.1.77/24", "10.1.1.8/24", "10.1.1.200/32", "fd00:1::1/64"}
        assert "default via 10.1.1.254 dev eth0" in ip("-n", guest_name(ONE), "route")

    apart(body)


def test_an_address_exchanged_while_the_guest_was_down_is_gone_when_it_comes_up():
    def body() -> None:
        made(ONE)
        made(port(1, ips=("10.1.1.77/24",), running=False))
        made(port(1, ips=("10.1.1.77/24",)))
        assert addresses(ONE) == {"10.1.1.77/24"}

    apart(body)


@pytest.mark.parametrize("turned", [False, True])
def test_the_way_out_goes_from_one_card_to_another(turned):
    def pair(*ways: str):
        two = port(2, vm=ONE.vm, vm_name=ONE.vm_name, position=1, ips=("10.2.2.2/24",), gateway=ways[1])
        return port(1, ips=ONE.ips, gateway=ways[0]), two

    def body() -> None:
        made(*pair("10.1.1.254", ""))
        assert "default via 10.1.1.254 dev eth0" in ip("-n", guest_name(ONE), "route")
        later = pair("", "10.2.2.254")
        made(*(reversed(later) if turned else later))
        (way,) = ip("-n", guest_name(ONE), "route", "show", "default").splitlines()
        assert way.startswith("default via 10.2.2.254 dev eth1")

    apart(body)


def test_a_way_out_that_the_guest_chose_itself_stays():
    def body() -> None:
        made(ONE)
        ip("-n", guest_name(ONE), "route", "replace", "default", "via", "10.1.1.253", "dev", "eth0")
        made(port(1, ips=("10.1.1.1/24", "fd00:1::1/64", "10.1.1.9/24"), gateway="10.1.1.254"))
        assert "default via 10.1.1.253" in ip("-n", guest_name(ONE), "route")

    apart(body)


def test_a_killed_agent_takes_back_what_it_was_about_to(monkeypatch):
    def body() -> None:
        made(ONE)
        with monkeypatch.context() as patch:
            patch.setattr(namespace, "_take_back", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                made(port(1, ips=("10.1.1.77/24",)))
        made(port(1, ips=("10.1.1.77/24",)))
        assert addresses(ONE) == {"10.1.1.77/24"}

    apart(body)


def test_a_registry_of_an_older_agent_is_read():
    def body() -> None:
        made(ONE)
        record = Path("/run/vxloom/guests") / guest_name(ONE)
        record.write_text(json.dumps({ONE.nic: ONE.tap}))
        made(port(1, ips=("10.1.1.77/24",)))
        assert addresses(ONE) >= {"10.1.1.77/24", "10.1.1.1/24"}, "what an older agent gave is not known, and stays"
        assert source().remove([], prune=True) == (ONE.nic,)
        assert links() == set()

    apart(body)
