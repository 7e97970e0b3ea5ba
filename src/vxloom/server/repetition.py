"""Safe retries: a write that names a key is done once; whoever repeats it gets the first answer, object and job included.

A client that lost the answer (its connection, its process, or the server died) cannot know whether the command was carried out. With
``idempotencykey`` on any command that changes something, or ``customid`` on those that make an object, it may simply send it again.

The answer is written in the transaction that does the work, so there is never the one without the other; writers take turns, so of two
at once the second finds the first one's answer. What failed is not remembered. Keys are a user's own, and forgotten after
``vxloom.job.keep`` seconds. A command whose answer holds a secret takes no key: what is told once must not lie in the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import cast

import msgspec

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.parameters import CUSTOM_ID, IDEMPOTENCY_KEY, Arguments
from vxloom.server.responses import Fields, without_none
from vxloom.store import ReadTransaction, records

_NOT_COMPARED = frozenset({IDEMPOTENCY_KEY.name, "password"})
"""A password is not kept in any form but its slow hash."""


def keys_of(given: Arguments) -> tuple[str, ...]:
    """Return the keys a call names; none: it is done as often as it is sent."""
    return tuple(f"{name}={key}" for name in (IDEMPOTENCY_KEY.name, CUSTOM_ID.name) if (key := given.filled(name)))


def refuse_keys(given: Arguments) -> None:
    """Raise :class:`RequestError` 431 for a call that names a key: its answer holds a secret, so it is not kept to be given again."""
    for key in keys_of(given):
        name = key.partition("=")[0]
        raise RequestError(
            f"{name} is not taken here: the answer holds a secret, and is kept nowhere to be given again",
            remedy=f"leave {name} out; where the answer was lost, make a new one and remove the old one",
        )


def once(call: Call, keys: tuple[str, ...], run: Callable[[Call], Fields]) -> Fields:
    """Return what ``run`` answers, or what it answered when the call was sent before.

    Raises :class:`RequestError` 431 when the key was used for something else, and what ``run`` raises.
    """
    digest = digest_of(call)
    with call.whole() as tx:
        first = _first(tx, call, keys)
        if first is not None:
            if first.digest == digest:
                return cast("Fields", first.answer)
            [name, _, key] = first.key.partition("=")
            raise RequestError(
                f"{name} {key} was used for another call of {first.command}", remedy="give each call a key of its own; repeat it unchanged"
            )
        answer = without_none(run(call))
        user, kept = call.caller.user.id, dict[str, object](answer)
        tx.add_all([records.Answered(user=user, key=key, command=call.command, digest=digest, answer=kept) for key in keys])
        return answer


def digest_of(call: Call) -> str:
    """Return what tells two calls apart: hex SHA-256 of the command and of its declared arguments."""
    given = call.arguments
    values = sorted((name, value) for name, value in given.values.items() if name not in _NOT_COMPARED)
    tables = sorted((name, [sorted(row.items()) for row in rows]) for name, rows in given.tables.items())
    return hashlib.sha256(msgspec.json.encode([call.command, values, tables])).hexdigest()


def _first(rx: ReadTransaction, call: Call, keys: tuple[str, ...]) -> records.Answered | None:
    return rx.one(records.Answered, user=call.caller.user.id, key=keys)
