"""`vaultctl policy`: the policies of the vault, tried here and changed under four eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from recordsvault.admin.v1 import access_admin_pb2 as pb
from vault.access import PolicyInvalid
from vault.access.policy_files import PolicyBook, book_of, read_texts
from vault.access.policy_tests import PolicyTestsInvalid, read_tests, run_tests
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import options, proposal_decide
from vault.cli.vaultctl.failures import INPUT, TESTS_FAILED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.proposal_show import print_diff, print_list, print_report, print_tests
from vault.cli.vaultctl.steward import Steward

app = typer.Typer(
    add_completion=False,
    name="policy",
    help="Policies, tried here and changed by two persons.",
    no_args_is_help=True,
)
Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder of *.cedar and *.tests.toml.")
]
app.command("approve")(proposal_decide.approve)
app.command("reject")(proposal_decide.reject)
app.command("withdraw")(proposal_decide.withdraw)


@app.command("validate")
def validate(folder: Folder, as_json: options.Json = False) -> None:
    """Check policies against the schema of this release; without a vault. Exit code 13 if not."""
    book, tests = _read(folder)
    roles, count = sorted(book.roles), len(book.policies)
    if as_json:
        write_json({"policies": list(book.policies), "roles": roles, "tests": tests})
        return
    line = say(
        f"{count} policies are valid, for the roles {', '.join(roles)}; {tests} tests.",
        f"{count} 条策略有效，涉及角色 {', '.join(roles)}；{tests} 项测试。",
    )
    console().print(Text(clean(line), style="green"))


@app.command("test")
def test(folder: Folder, as_json: options.Json = False) -> None:
    """Run the tests beside policies, without a vault; exit code 22 if one fails, or for none."""
    book, _ = _read(folder)
    outcomes = [
        pb.PolicyTestOutcome(
            file=one.test.file, name=one.test.name, passed=one.passed, detail=one.says
        )
        for one in run_tests(book, read_tests(book.texts))
    ]
    if as_json:
        write_json([as_dict(one) for one in outcomes])
    else:
        print_tests(outcomes, console())
    if not outcomes or not all(one.passed for one in outcomes):
        raise typer.Exit(TESTS_FAILED)


@app.command("diff")
def diff(context: typer.Context, folder: Folder, as_json: options.Json = False) -> None:
    """Compare policies with those in force: texts, tests, and every decision of a role."""
    texts = _texts(folder)
    steward = Steward(context)
    report = steward.compare(texts)
    if as_json:
        write_json(as_dict(report))
        return
    before = {file.name: file.text for file in steward.service.policies().files}
    print_diff(before, texts, console())
    print_report(report, console())


@app.command("propose")
def propose(
    context: typer.Context,
    folder: Folder,
    reason: given.Reason,
    as_json: options.Json = False,
) -> None:
    """Propose policies in place of those in force. Another person approves them, within 7 days."""
    texts = _texts(folder)
    why = given.words(reason, "--reason")
    answer = Steward(context).service.propose_policies(texts, reason=why)
    if as_json:
        write_json(as_dict(answer))
        return
    print_tests(answer.report.tests, console(stderr=True), only_failed=True)
    proposal_decide.tell(answer.proposal, as_json)


@app.command("history")
def history(context: typer.Context, as_json: options.Json = False) -> None:
    """List what was proposed, newest first."""
    found = Steward(context).policy_proposals()
    if as_json:
        write_json([as_dict(one) for one in found])
    else:
        print_list(found, console())


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[PROPOSAL]", help="A proposal; left out, what is in force.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write the files there.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show the policies in force, or a proposal with what it would change."""
    steward = Steward(context)
    if name:
        full = steward.policies_name(name)
        if out is None:
            proposal_decide.show_proposal(steward, full, as_json)
        else:
            _write(steward.proposal(full).proposal.files, out)
        return
    found = steward.service.policies()
    if out is not None:
        _write(found.files, out)
    elif as_json:
        write_json(as_dict(found))
    else:
        where = found.proposal or say("the configuration", "配置")
        console().print(Text(say(f"// from {where}", f"// 来自 {where}"), style="cyan"))
        for file in found.files:
            console().print(Text(f"// {file.name}\n{_readable(file.text)}"))


def _readable(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _read(folder: Path) -> tuple[PolicyBook, int]:
    """The policies of a folder and how many tests are beside them. Raises CommandError."""
    try:
        book = book_of(read_texts(folder))
        return book, len(read_tests(book.texts))
    except (PolicyInvalid, PolicyTestsInvalid) as problem:
        raise CommandError(f"{folder}: {problem}.", f"{folder}：{problem}。", INPUT) from None


def _texts(folder: Path) -> dict[str, str]:
    book, _ = _read(folder)
    return dict(book.texts)


def _write(files: object, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:  # type: ignore[attr-defined]  # a repeated field
            # The contract's rule holds names to what is no path.
            (folder / Path(file.name).name).write_text(file.text, "utf-8")
    except OSError as error:
        raise options.unreadable(folder, error) from None
