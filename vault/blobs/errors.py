"""What can go wrong with objects, told apart by what the caller should do about it."""


class BlobError(Exception):
    """Base of the room's errors. No message holds an object's content."""


class BlobsUnavailable(BlobError):
    """The place of the objects cannot be reached, read or written now. Try again."""


class BlobMissing(BlobError):
    """There is no object of that name. Trying again does not help."""
