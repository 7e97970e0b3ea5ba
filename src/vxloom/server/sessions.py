"""Sessions: somebody logged in with a password, and is known again by a cookie and a key. Source: ApiServlet.java, HttpUtils.java.

The cookie ``JSESSIONID`` alone lets nobody in: the ``sessionkey`` of the login must come as a parameter, which a page of somebody else's
cannot know. The store keeps hashes of both.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from vxloom.server.call import Caller
from vxloom.server.callers import caller_of
from vxloom.server.signature import refusal
from vxloom.store import ReadTransaction, Store, Transaction, records

COOKIE, KEY = "JSESSIONID", "sessionkey"
_PATH = "Path=/client; HttpOnly; SameSite=Lax"
_TOUCH = 60.0
"""Seconds after which a use is written down anew: not every request of a session is a write."""
_SWEPT = 500
_MOST = 100
"""Sessions of one user."""


def timeout_of(rx: ReadTransaction) -> float:
    """Return after how many idle seconds a session ends."""
    return 60.0 * max(1, rx.setting_int("session.timeout"))


def begin(tx: Transaction, user: str) -> tuple[str, str]:
    """Write a user's new session and return its cookie and its key; of too many, the longest unused are removed."""
    cookie, key = secrets.token_hex(32), secrets.token_urlsafe(32)
    if over := [row.id for row in tx.all(records.Session, order="-used", offset=_MOST - 1, user=user)]:
        tx.delete_where(records.Session, id=over)
    tx.add(records.Session(id=_hash(cookie), user=user, key_hash=_hash(key), used=time.time()))
    return cookie, key


def sweep(store: Store, now: float) -> None:
    """Delete sessions that are over."""
    with store.read() as rx:
        before = now - timeout_of(rx)
        rows = rx.all(records.Session, order="used", limit=_SWEPT)
    if not any(row.used < before for row in rows):
        return
    with store.write("sessions") as tx:
        # Read again: one of them may have been used meanwhile.
        tx.delete_where(records.Session, id=[row.id for row in tx.all(records.Session, order="used", limit=_SWEPT) if row.used < before])


def leave(store: Store, cookies: Mapping[str, str]) -> None:
    """End the session of a cookie, if there is one, and leave the event of its user's logging out."""
    cookie = _hash(cookies.get(COOKIE, ""))
    with store.read() as rx:
        session = rx.get(records.Session, cookie)
    if session is None:
        return
    with store.write("sessions") as tx:
        user = tx.get(records.User, session.user)
        if user is not None and tx.get(records.Session, cookie) is not None:  # of two at once, one logs out
            tx.event("USER.LOGOUT", "User has logged out", account=user.account, user=user.id, resource_type="User", resource=user.id)
        tx.delete_where(records.Session, id=cookie)


def end(store: Store, cookies: Mapping[str, str], actor: str) -> None:
    """End the session of a cookie, if there is one."""
    if cookie := cookies.get(COOKIE):
        with store.write(actor) as tx:
            tx.delete_where(records.Session, id=_hash(cookie))


def caller_in(store: Store, cookies: Mapping[str, str], key: str) -> tuple[Caller, bool]:
    """Return who is in the session, and whether changes must be posted.

    Raises the one refusal (401) for a session that is none, is stale, or whose key is another: that ends it.
    """
    cookie = _hash(cookies.get(COOKIE, ""))
    with store.read() as rx:
        session = rx.get(records.Session, cookie)
        stale = session is None or session.used < time.time() - timeout_of(rx)
        caller = _user_in(rx, session.user) if session is not None else None
        strict = rx.setting_bool("enforce.post.requests.and.timestamps")
    if session is None:
        raise refusal()
    if stale or caller is None or not hmac.compare_digest(session.key_hash, _hash(key)):
        end(store, cookies, "sessions")
        raise refusal()
    if time.time() - session.used > _TOUCH:
        with store.write("sessions") as tx:
            if tx.get(records.Session, cookie) is not None:
                tx.update(records.Session, cookie, used=time.time())
    return caller, strict


def given_cookies(cookie: str, key: str) -> list[str]:
    """Return the ``Set-Cookie`` values of a new session."""
    return [f"{COOKIE}={cookie}; {_PATH}", f"{KEY}={key}; {_PATH}"]


def taken_cookies() -> list[str]:
    """Return the ``Set-Cookie`` values that make a client forget its session."""
    return [f"{name}=; Max-Age=0; {_PATH}" for name in (COOKIE, KEY)]


def _user_in(rx: ReadTransaction, user_id: str) -> Caller | None:
    user = rx.get(records.User, user_id)
    account = rx.get(records.Account, user.account) if user else None
    domain = rx.get(records.Domain, account.domain) if account else None
    return caller_of(rx, user, account, domain) if user and account and domain else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
