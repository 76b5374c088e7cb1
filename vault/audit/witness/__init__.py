"""A witness (C2SP tlog-witness): it cosigns a log's checkpoints, and never two histories of one.

In comes a checkpoint with the proof that it continues what this witness has cosigned last; out
goes a cosignature/v1, once the new state is on disk. It knows nothing of the log's entries, needs
nothing of the vault but the log's public key, and is best run by another department. The client
half asks such witnesses, ours or others', for their cosignatures.

It never signs a smaller tree than it has signed, nor another one of the same size, whoever asks;
and it never answers before the disk has it.
"""

from vault.audit.witness.asking import Witness, WitnessFailed, WitnessRefused, greet
from vault.audit.witness.cosigning import Answer, Cosigner
from vault.audit.witness.keys import WitnessKey, WitnessKeyRefused
from vault.audit.witness.request import AddCheckpoint, RequestInvalid
from vault.audit.witness.state import StateFolder, StateUnusable

__all__ = [
    "AddCheckpoint",
    "Answer",
    "Cosigner",
    "RequestInvalid",
    "StateFolder",
    "StateUnusable",
    "Witness",
    "WitnessFailed",
    "WitnessKey",
    "WitnessKeyRefused",
    "WitnessRefused",
    "greet",
]
