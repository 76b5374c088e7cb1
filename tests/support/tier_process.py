"""Serves one tier of a test vault, given its configuration, its name and the file to touch."""

import asyncio
import sys
from pathlib import Path

from vault.server.run import serve
from vault.server.settings import TierName, load


def main() -> None:
    """Until it is told to stop."""
    config, tier, ready = sys.argv[1:4]
    asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))


if __name__ == "__main__":
    main()
