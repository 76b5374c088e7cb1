"""A process that does nothing but carry out what was agreed with keys: one that can be killed.

python -m tests.support.rotation_worker DATABASE-URL KEK-FOLDER AGREED

AGREED is a pickle of the approved proposals.
"""

import asyncio
import os
import pickle
import sys
from pathlib import Path

from tests.support.rotation import Room, several
from vault.store import Database

LEASE_SECONDS = 1.0


async def _work(room: Room) -> None:
    await room.log.start()
    print("ready", flush=True)
    await room.runner.run()


def main() -> None:
    """Until it is killed."""
    url, folder, agreed = sys.argv[1:]
    database = Database(url)
    kms = several(database, Path(folder))
    owner = f"worker-{os.getpid()}"
    room = Room(database, kms, lease_seconds=LEASE_SECONDS, owner=owner)
    room.agreed += pickle.loads(Path(agreed).read_bytes())
    asyncio.run(_work(room))


if __name__ == "__main__":
    main()
