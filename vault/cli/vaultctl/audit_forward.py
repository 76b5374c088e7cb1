"""`vaultctl audit forward`: the log to a SIEM, at least once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recordsvault_client import Profile, Tier, event_filter
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.siem.forwarder import Forwarder
from vault.cli.vaultctl.siem.records import Format
from vault.cli.vaultctl.siem.sinks import TlsFiles, open_sink, read_token
from vault.cli.vaultctl.state_file import StateFile

KIND = "audit-forward"


def forward(
    context: typer.Context,
    format_: Annotated[Format, typer.Option("--format", help="Format of a record.")],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="SINK", help="file:PATH, syslog+tls://HOST:PORT or https://HOST/PATH."
        ),
    ],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Keeps the position to go on from.")
    ],
    from_position: Annotated[
        int,
        typer.Option("--from-position", min=0, help="Where to begin if there is no state yet."),
    ] = 0,
    without_institution: Annotated[
        bool,
        typer.Option(
            "--without-institution",
            help="Entries of no institution instead of yours; with a state of its own.",
        ),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on with new entries as they come.")
    ] = True,
    tls_ca: Annotated[
        Path | None,
        typer.Option("--tls-ca", metavar="FILE", help="Authorities that the sink is checked with."),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option("--tls-cert", metavar="FILE", help="Certificate to show to the sink."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Bearer token for an HTTPS sink."),
    ] = None,
) -> None:
    """Follow the log and deliver every entry to a SIEM at least once.

    The position is kept after the sink has confirmed; a sink or vault that is away is waited for.
    """
    sink = open_sink(
        to,
        TlsFiles(tls_ca, tls_cert, tls_key),
        read_token(token_file),
        text=format_ is Format.CEF,
    )
    opened = session(context)
    whose = _vault(opened.profile(), without_institution)
    with StateFile(state, KIND) as file:
        position = _position(file, whose, from_position)
        stream = opened.client().audit.messages(
            from_position=position,
            follow=follow,
            filter=event_filter(without_institution=without_institution),
            patience=None,
            on_interrupt=lambda error, pause: _say(
                f"the vault is away, trying again in {pause:.1f} s: {error.text('en')}",
                f"保险库不可用，{pause:.1f} 秒后重试：{error.text('zh')}",
            ),
        )
        forwarder = Forwarder(
            sink,
            format_,
            lambda reached: file.save({"vault": whose, "position": reached}),
            lambda why, pause: _say(
                f"the sink is away, trying again in {pause:.1f} s: {why}",
                f"接收端不可用，{pause:.1f} 秒后重试：{why}",
            ),
        )
        forwarder.run(stream, stream.close)


def _vault(profile: Profile, without_institution: bool) -> str:
    """Names the log, and whose entries of it, that a position is of."""
    # No institution is called so.
    whose = "-" if without_institution else profile.institution
    return f"{profile.endpoint(Tier.FULL)}/{whose}"


def _position(file: StateFile, whose: str, first: int) -> int:
    saved = file.load()
    if saved is None:
        return first
    position = saved.get("position")
    if saved.get("vault") != whose:
        raise CommandError(
            "--state is the position in another vault's log: give each its own.",
            "--state 是另一保险库日志的位置：请为每个保险库使用各自的文件。",
        )
    if not isinstance(position, int) or position < 0:
        raise file.unusable()
    return position


def _say(en: str, zh: str) -> None:
    sys.stderr.write(clean(say(f"vaultctl: {en}", f"vaultctl：{zh}")) + "\n")
    sys.stderr.flush()
