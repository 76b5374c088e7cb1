"""Points at which a test kills the process, to see what a crash there leaves.

`VAULT_FAULT_POINT=name:nth` ends the process with SIGKILL when the nth passage of that point comes;
`VAULT_FAULT_POINT=name:nth:stop` suspends it there instead (SIGSTOP). Unset, as ever but in tests,
a point does nothing.
"""

import os
import signal
from typing import Final

_WANTED: Final = os.environ.get("VAULT_FAULT_POINT", "")
_passed = 0


def point(name: str) -> None:
    """A step is done; a crash between here and the next point leaves what the caller says."""
    if _WANTED:
        _maybe_end(name)


def _maybe_end(name: str) -> None:
    global _passed  # one process, one counter: it is gone with the process
    wanted, _, rest = _WANTED.partition(":")
    nth, _, how = rest.partition(":")
    if name != wanted:
        return
    _passed += 1
    if _passed == int(nth or 1):
        os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)
