"""The use cases of the lending register (借阅登记): ask, agree, end, look, follow.

In come a `Call` of a person whom policy has allowed, and what he wants; out come check-outs as they
stand, with reason and case reference where he may see them. One file a family: asking, deciding,
looking, watching; what they share is `register`. The rules are vault/access/lending's, applied to
the row as it stands inside the transaction that writes the next version and its event; reason and
case reference are sealed under the key of the customer's identity file, so that they go with it.

Nothing here changes a row or takes one away. An entry that somebody may not see is not there for
him, whatever he asks of it; nobody but its requester, who cannot be its subject, sees one of his
own file.
"""

from vault.services.lending.asking import Ask, Asking
from vault.services.lending.deciding import Deciding
from vault.services.lending.looking import Looking, Wanted
from vault.services.lending.open_now import OpenNow
from vault.services.lending.refused import BreakGlassSuspended
from vault.services.lending.register import Register, Shown
from vault.services.lending.watching import Watching

__all__ = [
    "Ask",
    "Asking",
    "BreakGlassSuspended",
    "Deciding",
    "Looking",
    "OpenNow",
    "Register",
    "Shown",
    "Wanted",
    "Watching",
]
