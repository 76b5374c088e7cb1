"""`vaultctl kms`: split the key-encryption keys among custodians, and open them at a start.

Words of a share are asked for at the terminal and not shown, or read from a file descriptor; they
are never an argument, so that no history and no list of processes has them.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.kms_socket import Answer, ask
from vault.cli.vaultctl.language import say
from vault.kms import KmsError
from vault.kms.shares import ReadShare
from vault.kms.split import FILE, split_keks

app = typer.Typer(
    add_completion=False,
    name="kms",
    help="Key-encryption keys that custodians hold together.",
    no_args_is_help=True,
)
_MOST_BYTES = 16_384
Socket = Annotated[
    Path,
    typer.Option(
        "--socket",
        metavar="SOCKET",
        help="Where the server takes shares: `unseal.sock` in its key folder.",
    ),
]


@app.command("split")
def split(
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIR", help="Folder of the KEK files.")
    ],
    threshold: Annotated[
        int, typer.Option("--threshold", min=2, max=16, help="How many custodians open them.")
    ],
    shares: Annotated[int, typer.Option("--shares", min=2, max=16, help="How many there are.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Another folder for the sealed file.")
    ] = None,
    to_fd: Annotated[
        int | None,
        typer.Option("--to-fd", min=1, metavar="N", help="Write the shares there, one a line."),
    ] = None,
) -> None:
    """Seal the KEK files under a secret that is split among custodians.

    Each share is shown alone on the screen, for its custodian to write down. The KEK files stay:
    delete them when the shares have opened a server once.
    """
    if threshold > shares:
        raise CommandError(
            "--threshold is more than --shares: nobody could ever open them.",
            "--threshold 大于 --shares：将无人能够解封。",
        )
    if to_fd is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            "The shares are shown at a terminal only; or name a descriptor with --to-fd.",
            "份额只在终端上显示；也可用 --to-fd 指定文件描述符。",
        )
    target = to or directory
    try:
        made = split_keks(directory, target, threshold, shares)
    except KmsError as error:
        raise CommandError(f"{error}.", f"{error}。", INPUT) from None
    if to_fd is None:
        _show(made)
    else:
        with os.fdopen(to_fd, "w", closefd=False) as lines:
            lines.writelines(f"{share.words}\n" for share in made)
    typer.echo(
        say(
            f"Sealed in {target / FILE}; {threshold} of {shares} shares open it. Set "
            'provider = "split", try the shares, then delete the .kek files.',
            f"已封存于 {target / FILE}；{shares} 份中的 {threshold} 份可解封。请设置 "
            'provider = "split"，用份额试解封，然后删除 .kek 文件。',
        )
    )


@app.command("unseal")
def unseal(
    socket: Socket,
    from_fd: Annotated[
        int | None,
        typer.Option("--from-fd", min=0, metavar="N", help="Read shares there, one a line."),
    ] = None,
) -> None:
    """Give your share to a server that waits for it. Run it on the server's machine."""
    if from_fd is None:
        # Not by typer.prompt, which shows its text before it stops showing what is typed.
        words = [getpass(say("Your share (33 words): ", "您的份额（33 个单词）："))]
    else:
        with os.fdopen(from_fd, "rb", closefd=False) as lines:
            text = lines.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise CommandError("That is no list of shares.", "这不是份额列表。", INPUT)
        words = [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    if not words:
        raise CommandError("No share was given.", "未给出份额。", INPUT)
    answer: Answer | None = None
    for one in words:
        if answer is None or answer.sealed:
            answer = ask(socket, share=one)
    if answer is not None:
        _tell(answer)


@app.command("status")
def status(socket: Socket) -> None:
    """Show how many shares a server waits for."""
    _tell(ask(socket))


def _tell(answer: Answer) -> None:
    if answer.sealed:
        line = say(
            f"Sealed: {answer.given} of {answer.threshold} shares were given.",
            f"未解封：已收到 {answer.threshold} 份中的 {answer.given} 份。",
        )
    else:
        line = say("Unsealed.", "已解封。")
    typer.echo(line)


def _show(shares: list[ReadShare]) -> None:
    """One after another, each alone on a screen of its own that leaves nothing behind."""
    console = Console(highlight=False)
    for number, share in enumerate(shares, 1):
        head = say(
            f"Custodian {number} of {len(shares)}", f"第 {number} 位保管人，共 {len(shares)} 位"
        )
        console.clear()
        console.input(
            Text(
                say(f"{head}: press Enter when you are alone. ", f"{head}：确认独自一人后按回车。 ")
            )
        )
        with console.screen(hide_cursor=False) as screen:
            screen.update(Text.assemble((head, "bold"), "\n\n", _table(share.words), "\n"))
            console.input(Text(say("Written down? Press Enter. ", "抄写完毕后按回车。 ")))


def _table(words: str) -> str:
    numbered = [f"{place:2} {word:<12}" for place, word in enumerate(words.split(), 1)]
    return "\n".join("".join(numbered[at : at + 3]) for at in range(0, len(numbered), 3))
