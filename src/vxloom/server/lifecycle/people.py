"""Accounts and users: how they are made, who may change them, and passwords."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.lifecycle import roles
from vxloom.server.listing import Where, select
from vxloom.server.parameters import Kind, Parameter, is_uuid, unknown_id
from vxloom.store import Fold, ReadTransaction, Transaction, records

_COST = 1 << 14
"""scrypt's N: about 50 ms and 16 MiB a guess (RFC 7914 section 2)."""


def hashed(password: str) -> str:
    """Return a salted hash: ``scrypt$N$salt$hash``."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1)
    return f"scrypt${_COST}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(password: str, stored: str | None) -> bool:
    """Tell whether a password is the one of a hash. Without a hash it takes as long, so that nobody learns which users there are."""
    _, cost, salt, digest = (stored or _NOBODYS).split("$")
    found = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), n=int(cost), r=8, p=1)
    return hmac.compare_digest(found, base64.b64decode(digest)) and stored is not None


_KEY_LENGTH = 32
_NOBODYS = f"scrypt${_COST}${base64.b64encode(bytes(16)).decode()}${base64.b64encode(bytes(64)).decode()}"
ACCOUNT_NAMED = (
    Parameter("id", Kind.UUID, "the account", related="listAccounts"),
    Parameter("account", Kind.STRING, "its name, in place of its id"),
    Parameter("domainid", Kind.UUID, "its domain; default: the caller's", related="listDomains"),
)
"""How commands about an account name it."""


def account_named(call: Call, rx: ReadTransaction) -> records.Account:
    """Return the account of ``id``, or of ``account`` and ``domainid``, which the caller may change; raises 431 or 531."""
    given = call.arguments
    if wanted := given.filled("id"):
        account = owners.fetch_account(call, rx, wanted)
    elif name := given.filled("account"):
        account = owners.named_account(call, rx, name, given.filled("domainid"))
    else:
        raise RequestError("Give id, or account and domainid", remedy="see listAccounts")
    roles.refuse_stronger(call, rx, account)
    return account


def refuse_own_end(call: Call, account: records.Account, verb: str) -> None:
    """Raise 531 for the caller's own account and for the one the system came with."""
    if account.id == call.caller.account.id:
        raise RequestError(f"An account cannot {verb} itself", code=531, cs_code=4365)
    if account.name == "admin" and account.type is records.AccountType.ROOT_ADMIN and account.domain == call.caller.domain.id:
        raise RequestError(f"The system's own admin account can't be {verb}d", code=531, cs_code=4365)


def user_named(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.User:
    """Return a user the caller may act for: itself, an admin's also others; raises 431 or 531."""
    user = owners.fetch_owned(call, rx, records.User, given, parameter)
    admin = call.caller.root or call.caller.domain_admin
    if user.id != call.caller.user.id:
        if not admin:
            raise RequestError("Only admins may act for another user of their account", code=531, cs_code=4365)
        roles.refuse_stronger(call, rx, owners.fetch(rx, records.Account, user.account))
    return user


def refuse_own_user(call: Call, user: records.User, verb: str) -> None:
    """Raise 531 for the caller itself and for the user the system came with."""
    if user.id == call.caller.user.id:
        raise RequestError(f"A user cannot {verb} itself", code=531, cs_code=4365)
    if user.username == "admin" and user.account == call.caller.account.id and call.caller.root:
        raise RequestError(f"The system's own admin user can't be {verb}d", code=531, cs_code=4365)


def end_sessions(tx: Transaction, where: Where) -> None:
    """End the sessions of the users that meet the conditions."""
    if users := [user.id for user in select(tx, records.User, where)]:
        tx.delete_where(records.Session, user=users)


def refuse_account(rx: ReadTransaction, name: str, domain: records.Domain) -> None:
    """Raise 431 when a domain has an account of that name already, in any case."""
    if rx.one(records.Account, domain=domain.id, name=Fold(name)):
        raise RequestError(f"The account {name} already exists in domain {domain.path}", remedy="choose another name")


def refuse_user(rx: ReadTransaction, username: str, domain: str) -> None:
    """Raise 431 when a domain has a user of that name already, in any case."""
    for user in rx.all(records.User, username=Fold(username)):
        account = rx.get(records.Account, user.account)
        if account is not None and account.domain == domain:
            raise RequestError(f"The user {username} already exists in the domain", remedy="choose another name")


def chosen_id(call: Call, rx: ReadTransaction, parameter: str, kind: type[records.Account | records.User | records.Domain]) -> str:
    """Return the id a root admin chose for a new account, user or domain, else a new one; raises 431 for one that is taken."""
    wanted = (call.arguments.filled(parameter) or "").lower()
    if not wanted:
        return records.new_id()
    if not call.caller.root:
        raise RequestError(f"Only root admins may choose {parameter}", code=531, cs_code=4365, remedy=f"leave {parameter} out")
    if not is_uuid(wanted):
        raise unknown_id(parameter, wanted)
    if rx.get(kind, wanted) is not None:
        raise RequestError(f"{parameter} {wanted} is taken", remedy="choose another, or leave it out")
    return wanted


def user_of(call: Call, rx: ReadTransaction, account: str, username: str, password: str) -> records.User:
    """Return the user of a createAccount or createUser; it has no keys yet."""
    given = call.arguments
    return records.User(
        id=chosen_id(call, rx, "userid", records.User),
        username=username,
        account=account,
        first_name=given.need("firstname"),
        last_name=given.need("lastname"),
        email=given.need("email"),
        timezone=given.filled("timezone"),
        password_hash=password,
    )


def refuse_wrong_password(call: Call, user: records.User) -> None:
    """Raise 431 unless an admin acts, or knows ``currentpassword``."""
    if call.caller.root or call.caller.domain_admin:
        return
    current = call.arguments.text("currentpassword")
    if not current:
        raise RequestError("To set a new password the current password must be provided", remedy="give currentpassword")
    if not matches(current, user.password_hash):
        raise RequestError("Current password is incorrect")


def changes_of(call: Call, rx: ReadTransaction, user: records.User) -> dict[str, object]:
    """Return what updateUser changes besides the password; raises 431 for names and keys that are taken, 531 for keys a user chose."""
    given = call.arguments
    columns = {"firstname": "first_name", "lastname": "last_name", "email": "email", "timezone": "timezone", "username": "username"}
    found: dict[str, object] = {column: value for name, column in columns.items() if (value := given.filled(name))}
    name = str(found.get("username", user.username))
    if name.lower() != user.username.lower():
        refuse_user(rx, name, owners.fetch(rx, records.Account, user.account).domain)
    key, secret = given.filled("userapikey"), given.filled("usersecretkey")
    if (key is None) != (secret is None):
        raise RequestError("Please provide userApiKey and userSecretKey together")
    if key is not None:
        if not (call.caller.root or call.caller.domain_admin):
            raise RequestError("Only admins may choose keys", code=531, cs_code=4365, remedy="see registerUserKeys")
        if len(key) < _KEY_LENGTH or len(secret or "") < _KEY_LENGTH:
            raise RequestError(f"Keys have at least {_KEY_LENGTH} characters")
        if (other := rx.one(records.User, api_key=key)) is not None and other.id != user.id:
            raise RequestError("The API key is taken", remedy="choose another")
        found |= {"api_key": key, "secret_key": secret}
    return found


def person(
    rx: ReadTransaction, username: str, path: str | None, domain_id: str | None
) -> tuple[records.User, records.Account, records.Domain] | None:
    """Return a user by name and domain (a path, with or without ROOT, or an id; default: ROOT); None when there is none."""
    parts = [part for part in (path or "").split("/") if part]
    whole = "/".join(parts if parts and parts[0].upper() == "ROOT" else ["ROOT", *parts])
    domain = rx.get(records.Domain, domain_id.lower()) if domain_id else rx.one(records.Domain, path=Fold(whole))
    if domain is None:
        return None
    for user in rx.all(records.User, username=Fold(username)):
        account = rx.get(records.Account, user.account)
        if account is not None and account.domain == domain.id:
            return user, account, domain
    return None


def refuse_changed(rx: ReadTransaction, seen: records.User) -> None:
    """Raise 531 when a user's password was changed, or the user removed, since it was looked at."""
    user = rx.get(records.User, seen.id)
    if user is None or user.password_hash != seen.password_hash:
        raise RequestError(f"Failed to authenticate user {seen.username}; please provide valid credentials", code=531, cs_code=4365)
