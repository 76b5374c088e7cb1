"""Writes customers.jsonl, documents.jsonl, transactions.jsonl and rejected.jsonl.

python clients/examples/generate.py --seed 20260101 --customers 1000 --transactions 20000 \\
    --out clients/examples

The same seed and counts give the same bytes on every machine. The standard library is enough.
"""

import sys
from pathlib import Path


def main() -> int:
    """Runs the command of the package that this file lies in."""
    # Python looks beside a script for modules, not in the folder that `clients.examples` is in.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from clients.examples.command import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
