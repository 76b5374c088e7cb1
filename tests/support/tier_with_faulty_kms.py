"""As tier_process, with a KMS that is away as long as there is a file `kms.away` beside the
configuration."""

import asyncio
import sys
from pathlib import Path

from vault.kms import KmsUnavailable, LocalFileKms, WrappedKey
from vault.server import kms
from vault.server.run import serve
from vault.server.settings import TierName, load


class FaultyKms(LocalFileKms):
    """Comes and goes."""

    sign: Path

    def _be_there(self) -> None:
        if self.sign.exists():
            raise KmsUnavailable("the test's KMS is away")

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        self._be_there()
        return super().unwrap(wrapped, context)

    def check(self) -> None:
        self._be_there()
        super().check()


if __name__ == "__main__":
    config, tier, ready = sys.argv[1:4]
    FaultyKms.sign = Path(config).with_name("kms.away")
    kms.LocalFileKms = FaultyKms  # type: ignore[attr-defined]  # the name that `open_kms` uses
    asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))
