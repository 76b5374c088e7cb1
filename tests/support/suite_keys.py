"""The keys that suites have of what is wrapped, worked out beside the key room's own way."""

from vault.sealing import AES_256_GCM, SUITES, Suite, suite_by_id
from vault.sealing.derive import derive

_LABEL = b"recordsvault/file-key/v1/"


def of_file_key(material: bytes | bytearray) -> list[bytes]:
    """A file key as each suite has it; `material` is what its branch key wraps: the id of the suite
    that it was made for, and 32 bytes."""
    found = []
    for suite in SUITES:
        if suite is AES_256_GCM and material[0] == suite.suite_id:
            found.append(bytes(material[1:]))
            continue
        info = _LABEL + suite.aead.encode()
        own = derive(material[1:], info, length=suite.key_bytes, digest=suite.hash)
        found.append(bytes(own))
    return found


def of_index_key(material: bytes | bytearray) -> tuple[bytes, Suite]:
    """A first index key and its suite, of what the KMS wraps."""
    if len(material) == 32:
        return bytes(material), AES_256_GCM
    return bytes(material[1:]), suite_by_id(material[0])
