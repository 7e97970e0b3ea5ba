"""The exception tree. Four families, because the reaction to each differs.

    VxloomError                 message + remedy; what a person reads
    ├── ConfigError             a setting, file or command line is wrong → exit 2, nothing started
    ├── RequestError            the caller of the API is wrong → CloudStack error code, never retried
    ├── IntentError             stored intent contradicts itself → a problem on the object, never a crash
    ├── PrepareError            a machine cannot be made fit as asked → the step ends, nothing half written
    ├── DataplaneError          the host's kernel said no → resource, operation, errno, retryable
    ├── TransportError          could not ask → retried, counted, a finding
    │   └── IdentityError       the other side is not who it must be → not retried
    └── StateError              something on disk is torn or of another version → held, alert

Role: imported by every room. Must never import anything of ours.
"""

from __future__ import annotations

import os


class VxloomError(Exception):
    """A failure a person can act on: what happened, and (``remedy``) what to do next."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(VxloomError):
    """A setting, file or command line is wrong; nothing was started or changed."""


class RequestError(VxloomError):
    """The API's caller is wrong.

    ``code`` is the HTTP status and CloudStack ``errorcode`` (401, 430, 431, 432, 530–537);
    ``cs_code`` the ``cserrorcode`` (4250 runtime, 4350 invalid value, 4365 permission, 4375 in use,
    4480 no VNI left, 9999 general). Source: ApiErrorCode.java, dev guide.
    """

    def __init__(self, message: str, *, code: int = 431, cs_code: int = 4350, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
        self.cs_code = cs_code


class IntentError(VxloomError):
    """Stored intent contradicts itself; carried as a problem on the object it concerns."""


class PrepareError(VxloomError):
    """A machine cannot be looked at or changed as asked. What was changed before is in the journal, and can be put back."""


class DataplaneError(VxloomError):
    """The host refused an operation on one resource."""

    def __init__(self, resource: str, operation: str, errno: int, text: str = "", *, retryable: bool = False) -> None:
        reason = text or os.strerror(errno)
        super().__init__(f"{operation} {resource}: {reason} (errno {errno})")
        self.resource = resource
        self.operation = operation
        self.errno = errno
        self.text = text
        self.retryable = retryable


class TransportError(VxloomError):
    """The other side could not be asked; the caller retries with a deadline and counts."""


class IdentityError(TransportError):
    """Certificate, token or host row does not match; retrying does not help."""


class StateError(VxloomError):
    """A state file is torn, foreign or of a newer schema; it is kept, and nothing is pruned on its word."""
