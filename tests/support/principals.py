"""Principals for tests, made the only way there is: by a directory that reads a file."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vault.access import Directory, Principal


def principal_of(
    *roles: str,
    institution: str = "demo-bank",
    name: str = "somebody",
    uri: str = "",
    person: str = "",
    own_files: Iterable[str] = (),
    home_branch: str = "",
    branches: Iterable[str] | None = None,
    classes: Iterable[str] | None = None,
) -> Principal:
    """A principal with these roles; an empty institution leaves it out, an empty person too, and
    None a limit."""
    uri = uri or f"spiffe://demo.bank/{name}"
    lines = [
        "[[principal]]",
        f"name = {json.dumps(name)}",
        f"uri = {json.dumps(uri)}",
        f"roles = {json.dumps(list(roles))}",
    ]
    if institution:
        lines.append(f"institution = {json.dumps(institution)}")
    if person:
        lines.append(f"person = {json.dumps(person)}")
    if own_files:
        lines.append(f"own_files = {json.dumps(list(own_files))}")
    for key, limit in (("branches", branches), ("classes", classes)):
        if limit is not None:
            lines.append(f"{key} = {json.dumps(list(limit))}")
    if home_branch:
        lines.append(f"home_branch = {json.dumps(home_branch)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "principals.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        path.chmod(0o600)
        found = Directory(path).lookup(uri)
    assert found is not None
    return found
