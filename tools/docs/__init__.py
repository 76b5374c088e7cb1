"""Writes the reference pages of `docs/reference/` from the program itself.

In: the commands of `vaultd` and `vaultctl`, the descriptors of `protos/` with their comments
(`build/image.binpb`, made by `make stubs`), and the reasons that the code can answer. Out: one
Markdown page each, the same bytes for the same program. `make docs` writes them; a test compares
them with what would be written.

It reads and never runs a command or starts a server, and a page holds nothing of this machine.
"""

from tools.docs.pages import PAGES, write

__all__ = ["PAGES", "write"]
