"""Serves one tier of a test vault: `python -m tests.support.tier_process CONFIG TIER READY_FILE`."""

import asyncio
import sys
from pathlib import Path

from vault.server.run import serve
from vault.server.settings import TierName, load

if __name__ == "__main__":
    config, tier, ready = sys.argv[1:4]
    asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))
