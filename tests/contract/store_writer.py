"""A process of ten writers, for tests that kill it: each makes networks, and NICs in a common one, and deletes some again.

Run as ``python -m tests.contract.store_writer URL LEDGER WRITERS ROUNDS``. What a commit made is written to the ledger only after the
commit returned: each line names a network or a NIC that must be found later (``+``), or must not (``-``).
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from vxloom.store import Store, Transaction, records


class Writers:
    def __init__(self, url: str, ledger: str) -> None:
        self.store = Store(url)
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with self.store.read() as rx:
            common = rx.one(records.Network, name="common")
            vm, host = rx.one(records.Vm), rx.one(records.Host)
            assert common is not None
            assert vm is not None
            assert host is not None
            self.common, self.vm, self.host = common, vm, host

    def note(self, *names: str) -> None:
        os.write(self.ledger, "".join(f"{name}\n" for name in names).encode())  # one write: O_APPEND keeps lines whole

    def rounds(self, number: int) -> None:
        for turn in range(number):
            with self.store.write("writer") as tx:
                assert tx.get(records.Vm, self.vm.id)  # reads before it writes: a lock taken only then would be too late
                network = self.network(tx)
                kept, lost = self.nic(tx), self.nic(tx)
                tx.bind(kept, self.host.id)
            self.note(f"+{kept}", *([] if turn % 2 else [f"+{network}"]))
            with self.store.write("writer") as tx:
                tx.release_nic(lost)
                if turn % 2:
                    tx.release_vni(network)
                    tx.delete(records.Network, network)
            self.note(f"-{lost}", *([f"-{network}"] if turn % 2 else []))

    def network(self, tx: Transaction) -> str:
        made = tx.add(
            records.Network(
                name="n",
                display_text="n",
                zone=self.common.zone,
                physical_network=self.common.physical_network,
                offering=self.common.offering,
                account=self.common.account,
                guest_type="L2",
            )
        )
        tx.take_vni(made.id)
        return made.id

    def nic(self, tx: Transaction) -> str:
        nic = records.new_id()
        tx.add(records.Nic(id=nic, vm=self.vm.id, network=self.common.id, mac=tx.take_mac(nic, self.common.zone)))
        tx.add(records.NicIp(nic=nic, address=tx.take_ip(self.common.id, nic)))
        return nic


def main(url: str, ledger: str, writers: str, rounds: str) -> None:
    work = Writers(url, ledger)
    with ThreadPoolExecutor(int(writers)) as pool:
        for outcome in [pool.submit(work.rounds, int(rounds)) for _ in range(int(writers))]:
            outcome.result()  # a writer's exception ends the process with an error


if __name__ == "__main__":
    main(*sys.argv[1:])
