"""A list's cost in queries does not grow with its length."""

from __future__ import annotations

import sqlalchemy as sa

from tests.unit.api.desk import Desk

MOST = 20
"""Who asks (5), settings, page, and one for each kind of row a machine shows: its NICs, their addresses and ranges, owners, hosts, …"""


def test_a_page_of_machines_takes_as_many_queries_as_one_machine(desk: Desk, zone: str) -> None:
    for name in ("h1", "h2"):
        desk.host(zone, name)
    networks = [desk.network(zone, name)["id"] for name in ("n1", "n2")]
    queries = 0

    def count(*_: object) -> None:
        nonlocal queries
        queries += 1

    vm = desk.deploy(zone, ",".join(networks), "first")
    desk.do("createTags", resourceids=vm["id"], resourcetype="UserVm", tags__0__key="a", tags__0__value="b")
    sa.event.listen(desk.store._engine, "before_cursor_execute", count)
    desk.ask("listVirtualMachines", listall="true")
    one, queries = queries, 0
    sa.event.remove(desk.store._engine, "before_cursor_execute", count)
    for number in range(12):
        desk.deploy(zone, networks[number % 2], f"vm{number}")
    sa.event.listen(desk.store._engine, "before_cursor_execute", count)
    assert desk.ask("listVirtualMachines", listall="true")["count"] == 13
    assert queries == one <= MOST
