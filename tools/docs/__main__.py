"""`python -m tools.docs`: write the reference pages."""

from __future__ import annotations

import sys

from tools.docs.pages import ROOT, write

if __name__ == "__main__":
    for page in write():
        sys.stdout.write(f"{page.relative_to(ROOT)}\n")
