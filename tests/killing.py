"""Work killed at every point where it touches the machine: a real process, a real SIGKILL.

The process kills itself from an audit hook (PEP 578), which the interpreter calls before it opens, renames or removes a file and before it
starts a program. So the points are found by the run itself: there is one for everything it does, and none is forgotten.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count

Work = Callable[[], object]
_TOUCHES = {"os.rename", "os.rmdir", "os.symlink", "os.truncate"}


def points(work: Work, least: int) -> Iterator[int]:
    """Kill it at the first point, the second, … until there is none; the caller brings the machine back to where it was.

    Fewer than ``least`` points: the hook does not see them.
    """
    for point in count():
        if not killed(work, point):
            assert point >= least, f"only {point} points were found"
            return
        yield point


def killed(work: Work, point: int) -> bool:
    """Do it in a process that is killed just before it touches the machine for the point-th time; False: it ended before that."""
    pid = os.fork()
    if pid == 0:
        left, noted = point, False

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left, noted
            if not _touches(event, arguments, noted):
                return
            noted = event == "open" and str(arguments[0]).endswith("/journal")
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _touches(event: str, arguments: tuple[object, ...], noted: bool) -> bool:
    """Tell whether it changes something. A program is taken to do so when the journal has just been written; others only look."""
    match event:
        case "open":
            file, _, flags = arguments
            return isinstance(file, str) and file != os.devnull and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
        case "os.mkdir":
            return not os.path.lexists(str(arguments[0]))
        case "os.remove":
            return os.path.lexists(str(arguments[0]))
        case "subprocess.Popen":
            return noted
    return event in _TOUCHES
