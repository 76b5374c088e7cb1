"""What the options before the command say, and the client that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import typer

from recordsvault_client import Profile, VaultClient
from vault.cli.vaultctl.failures import CommandError


@dataclass
class Session:
    """One run of vaultctl; the profile is read, and channels are opened, when first needed."""

    profile_path: Path | None
    timeout: float
    _client: VaultClient | None = field(default=None, repr=False)

    def profile(self) -> Profile:
        """The profile. Raises ProfileError, or CommandError if none was named."""
        return self.client().profile

    def client(self) -> VaultClient:
        """The client. Raises as `profile`."""
        if self._client is None:
            if self.profile_path is None:
                raise CommandError(
                    "Name a profile: vaultctl --profile FILE ..., or set VAULTCTL_PROFILE.",
                    "请指定配置文件：vaultctl --profile FILE ...，或设置 VAULTCTL_PROFILE。",
                )
            self._client = VaultClient(Profile.load(self.profile_path), timeout=self.timeout)
        return self._client

    def close(self) -> None:
        """Close the channels."""
        if self._client is not None:
            self._client.close()


def session(context: typer.Context) -> Session:
    """The session of a command's context."""
    return cast(Session, context.obj)
