"""What is done with keys, and with what they have sealed: rotated, rewrapped, retired, sealed anew.

In come steps that two persons have agreed to (vault.services.proposing), as signed rows; out go
versions of keys, how far the work is, and an entry in the log when it begins and one when it ends.
`Planning` says whether a step could be taken, `KeyRunner` takes it in the background, `Showing`
tells.

Work is done in batches, each a transaction that stands by itself, by one process at a time; whoever
is killed in the middle is followed by another. Nothing is destroyed while anything hangs under it,
nor on the word of a count alone: every piece was opened first. No key leaves this room, and nothing
that it writes names a customer but by his opaque identifier.
"""

from vault.services.rotation.planning import KeyStepRefused, Planning
from vault.services.rotation.runner import KeyRunner
from vault.services.rotation.showing import Showing
from vault.services.rotation.steps import Key, Step, Verb

__all__ = ["Key", "KeyRunner", "KeyStepRefused", "Planning", "Showing", "Step", "Verb"]
