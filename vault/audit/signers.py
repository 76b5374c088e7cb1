"""Who signs for the log, for changes of access and for receipts: the keys of the KMS room under the
log's names.

Checkpoints are signed under the log's origin, changes of access under `<origin>/access`, receipts
under `<origin>/receipt`: whoever has one key cannot pass for the other, and a node's receipt key
never signs a checkpoint.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from vault.audit.note import KeySigner, Note, NoteSigner, SignatureType, VerifierKey
from vault.kms.signing import Algorithm, SigningKey, SigningKeys

_TYPES: Final = {
    Algorithm.ED25519: SignatureType.ED25519,
    Algorithm.ML_DSA_44: SignatureType.COSIGNATURE_ML_DSA_44,
}


def receipt_name(origin: str) -> str:
    """The name under which the receipts of a log's nodes are signed."""
    return f"{origin}/receipt"


def access_name(origin: str) -> str:
    """The name under which the vault of a log signs what changes access to it."""
    return f"{origin}/access"


def verifier_key(name: str, key: SigningKey) -> VerifierKey:
    """The public half of a key under a name."""
    return VerifierKey(name, _TYPES[key.algorithm], key.public)


class Signers:
    """Signs notes under `name` with every key that is active, as the key file stands.

    The file is looked at again at most every `check_every` seconds, so that a rotation needs no
    restart. `clock` gives microseconds, for the kinds of signature that carry a time.
    """

    def __init__(
        self,
        keys: SigningKeys,
        name: str,
        clock: Callable[[], int],
        check_every: float = 1.0,
    ) -> None:
        self.name = name
        self._keys = keys
        self._clock = clock
        self._check_every = check_every
        self._next_look = 0.0
        self._read: Sequence[SigningKey] = ()
        self._signers: tuple[NoteSigner, ...] = ()
        self._verifiers: tuple[VerifierKey, ...] = ()

    @property
    def problem(self) -> str | None:
        """What is wrong with the key file, if anything; the keys read before still serve."""
        return self._keys.problem

    def signers(self) -> tuple[NoteSigner, ...]:
        """Those that sign now, oldest first."""
        self._look()
        return self._signers

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public keys, retired ones too: what they signed is still to be verified."""
        self._look()
        return self._verifiers

    def sign(self, text: str) -> bytes:
        """The text as a signed note. Raises ValueError where a kind of key cannot sign it."""
        return Note(text, tuple(signer.sign(text) for signer in self.signers())).encode()

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + self._check_every
        read = self._keys.refresh()
        if read is not self._read:
            self._signers = tuple(self._signer(key) for key in read if key.active)
            self._verifiers = tuple(verifier_key(self.name, key) for key in read)
            self._read = read

    def _signer(self, key: SigningKey) -> NoteSigner:
        return KeySigner(
            verifier_key(self.name, key), key.sign, lambda: max(0, self._clock()) // 1_000_000
        )
