"""What can go wrong with objects, told apart by what the caller should do about it."""


class BlobError(Exception):
    """Base of the room's errors. No message holds an object's content, or its name."""


class BlobsUnavailable(BlobError):
    """The place of the objects cannot be reached, read or written now. Try again."""


class BlobsRefused(BlobsUnavailable):
    """The place of the objects is there and does not do what is asked: another key, or another
    setting, is needed. Trying again at once does not help."""


class BlobMissing(BlobError):
    """There is no object of that name. Trying again does not help."""


class BlobExists(BlobError):
    """There is an object of that name already, and it stays as it is. Take another name, or look
    whether it is the one that was to be put: a put that was broken off may have arrived."""


class BlobDamaged(BlobError):
    """What came back is not what went in: it has fewer bytes, or other ones."""


class BlobLocked(BlobError):
    """The store keeps the object for a time that has not ended. Delete it later."""
