"""What can go wrong between the vault and its key-encryption keys. No message holds a key."""


class KmsError(Exception):
    """The key-encryption keys did not do what was asked."""


class KmsUnavailable(KmsError):
    """The provider cannot be reached just now; the same call may work later."""


class KmsSealed(KmsUnavailable):
    """The KEKs are sealed under a split key, and too few of its holders have given their shares."""


class SharesRefused(KmsError):
    """A share of a split key is none, or not of this key. No message holds a word of it."""


class KekUnfit(KmsError):
    """The key-encryption key is there, but not as one must be; the message says how to mend it."""


class KekMissing(KmsError):
    """This node was not given that key-encryption key, or not that version of it."""


class UnwrapRefused(KmsError):
    """The wrapped key was changed, or it was wrapped by another key or for another place."""


class KeyFileRefused(KmsError):
    """A key file or its folder is not as a key file must be; the message says how to mend it."""
