"""What the options before the command say, and the client that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import typer

from recordsvault_client import Profile, TokenError, VaultClient, VaultServices
from vault.cli.vaultctl.failures import PROFILE, CommandError


@dataclass
class Session:
    """One run of vaultctl; the profile is read, and channels are opened, when first needed."""

    profile_path: Path | None
    timeout: float
    token_path: Path | None = None
    _client: VaultClient | None = field(default=None, repr=False)
    _services: VaultServices | None = field(default=None, repr=False)

    def profile(self) -> Profile:
        """The profile. Raises ProfileError, or CommandError if none was named."""
        return self.client().profile

    def client(self) -> VaultServices:
        """The client, for the person of the token if one was named. Raises as `profile`."""
        if self._services is None or self._client is None:
            if self.profile_path is None:
                raise CommandError(
                    "Name a profile: vaultctl --profile FILE ..., or set VAULTCTL_PROFILE.",
                    "请指定配置文件：vaultctl --profile FILE ...，或设置 VAULTCTL_PROFILE。",
                )
            self._client = VaultClient(Profile.load(self.profile_path), timeout=self.timeout)
            path = self.token_path
            # Read before each call: a token is renewed while a command follows something.
            self._services = (
                self._client if path is None else self._client.acting_for(lambda: _token(path))
            )
        return self._services

    def close(self) -> None:
        """Close the channels."""
        if self._client is not None:
            self._client.close()


def _token(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError as error:
        why = (error.strerror or "error").lower()
        raise CommandError(
            f"The token file {path} cannot be read ({why}).",
            f"无法读取令牌文件 {path}（{why}）。",
            PROFILE,
        ) from None
    except UnicodeDecodeError:
        raise TokenError from None


def session(context: typer.Context) -> Session:
    """The session of a command's context."""
    return cast(Session, context.obj)
