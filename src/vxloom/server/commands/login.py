"""login."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import sessions
from vxloom.server.call import Call
from vxloom.server.callers import may_enter
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields


class Login(Command):
    """Lets somebody in by name and password: a session begins. By POST only.

    The answer sets the cookies ``JSESSIONID`` and ``sessionkey``; later calls carry them, and ``sessionkey`` as a parameter, in place of
    a signature. A session ends with logout, after ``session.timeout`` idle minutes, with a wrong sessionkey, with a new password, and
    when user, account or domain are disabled.
    """

    name = "login"
    unsigned = True
    for_users = True
    answers_secret = True
    parameters = (
        Parameter("username", Kind.STRING, "the user's name", required=True),
        Parameter("password", Kind.STRING, "its password", required=True, length=1024),
        Parameter("domain", Kind.STRING, "path of its domain: / or ROOT/a/b; default: ROOT", length=4096),
        Parameter("domainid", Kind.STRING, "id of its domain, in place of the path"),
    )
    answer = fields("""
    userid string the user's id
    username string its name
    firstname string first name
    lastname string last name
    account string its account
    domainid string its domain's id
    type string 0 user, 1 root admin, 2 domain admin
    timezone string time zone
    timezoneoffset string always 0.0: times are UTC
    registered string always false
    is2faenabled string always false: there is no second factor
    is2faverified string always true
    sessionkey string what later calls give as sessionkey
    timeout integer seconds without a request after which the session ends
    """)
    example = "login username=alice password=SECRET domain=ROOT"

    def run(self, call: Call) -> Fields:
        """Return who was let in; raises 531 for whoever is not, 405 for GET, 429 after too many attempts."""
        given, visit = call.arguments, call.visit
        if not visit.posted:
            raise RequestError("login must be sent by POST: addresses with passwords end up in logs", code=405, cs_code=9999)
        username = given.need("username").strip()
        visit.guesses.count(visit.address, username.lower())
        with call.read() as rx:
            found = people.person(rx, username, given.filled("domain"), given.filled("domainid"))
        with visit.guesses.slot():
            right = people.matches(given.need("password"), found[0].password_hash if found else None)
        if not found or not right or not may_enter(*found):
            raise RequestError(f"Failed to authenticate user {username}; please provide valid credentials", code=531, cs_code=4365)
        visit.guesses.forget(visit.address, username.lower())
        user, account, domain = found
        with call.store.write(user.username) as tx:
            people.refuse_changed(tx, user)
            cookie, key = sessions.begin(tx, user.id)
            tx.event("USER.LOGIN", "User has logged in", account=account.id, user=user.id, resource_type="User", resource=user.id)
            timeout = int(sessions.timeout_of(tx))
        visit.answered += sessions.given_cookies(cookie, key)
        return {
            "userid": user.id,
            "username": user.username,
            "firstname": user.first_name,
            "lastname": user.last_name,
            "account": account.name,
            "domainid": domain.id,
            "type": str(int(account.type)),
            "timezone": user.timezone,
            "timezoneoffset": "0.0",
            "registered": "false",
            "is2faenabled": "false",
            "is2faverified": "true",
            "sessionkey": key,
            "timeout": timeout,
        }
