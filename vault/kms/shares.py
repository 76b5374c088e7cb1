"""A secret split among people: k of n of them give it back, fewer know nothing of it.

Shamir's scheme in the published form of SLIP-0039 (33 English words for a secret of 32 bytes, with
a checksum that finds three wrong words), by the `shamir-mnemonic` distribution. The secret is
random and needs no stretching: iteration exponent 0, no passphrase.

The library says of itself that it is not hardened against side channels: split and combine where no
stranger's program runs (docs/decisions/0015). Its errors quote the words that they complain of, so
none of them goes further than this module.
"""

from dataclasses import dataclass, field
from typing import Final

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics

from vault.kms.errors import SharesRefused

SECRET_BYTES: Final = 32
SHARE_WORDS: Final = 33
MOST_SHARES: Final = 16


@dataclass(frozen=True, slots=True)
class ReadShare:
    """One share. `split` names the splitting that it is of (0 to 32,767), `number` its place."""

    split: int
    number: int
    threshold: int
    words: str = field(repr=False)


def split_secret(secret: bytes | bytearray, threshold: int, shares: int) -> list[ReadShare]:
    """`shares` shares of which `threshold` give the secret back.

    Raises ValueError unless 2 <= threshold <= shares <= 16: one holder alone is no split.
    """
    if not 2 <= threshold <= shares <= MOST_SHARES:
        raise ValueError(f"shares are 2 to {MOST_SHARES}, and the threshold 2 to that many")
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"the secret is {SECRET_BYTES} bytes")
    (group,) = generate_mnemonics(1, [(threshold, shares)], bytes(secret), iteration_exponent=0)
    return [read_share(words) for words in group]


def read_share(words: str) -> ReadShare:
    """Read a share's words, however they are spaced. Raises SharesRefused."""
    plain = " ".join(words.lower().split())
    try:
        share = Share.from_mnemonic(plain)
    except (MnemonicError, ValueError):
        raise SharesRefused(
            f"these are not the {SHARE_WORDS} words of a share: look for a slip"
        ) from None
    if share.group_count != 1 or len(plain.split()) != SHARE_WORDS:
        raise SharesRefused("this is no share that the vault made")
    return ReadShare(share.identifier, share.index + 1, share.member_threshold, plain)


def combine(shares: list[ReadShare]) -> bytearray:
    """The secret, the caller's to wipe. Raises SharesRefused if they are not exactly as many as
    are needed, of one splitting, each another; or if one of them was altered."""
    try:
        secret = combine_mnemonics(share.words for share in shares)
    except (MnemonicError, ValueError):
        raise SharesRefused("the shares do not belong together, or one is wrong") from None
    if len(secret) != SECRET_BYTES:
        raise SharesRefused("this is no secret that the vault split")
    return bytearray(secret)
