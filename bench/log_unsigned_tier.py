"""A tier whose calls are logged but get no receipt: what receipts cost is the difference.

`python -m bench.log_unsigned_tier CONFIG TIER READY_FILE`. The product has no such switch: here the
step that signs a batch is replaced, leaf hashes, tree and signature, and answers without a receipt
carry no trailing metadata.
"""

import asyncio
import sys
from pathlib import Path
from unittest.mock import patch

from vault.audit import log
from vault.server.run import serve
from vault.server.settings import TierName, load


def _unsigned(*_: object) -> None:
    """In the place of `vault.audit.batch.sign_batch`."""


if __name__ == "__main__":
    config, tier, ready = sys.argv[1:4]
    with patch.object(log, "sign_batch", _unsigned):
        asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))
