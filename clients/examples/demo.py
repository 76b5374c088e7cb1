"""The main job from end to end, on a vault of its own: what `make demo` runs.

    python clients/examples/demo.py --dir .demo

Starts `vaultd dev`, stores the example files, reads masked and in full, is refused, and shows what
the log says of it. A failure ends it with a non-zero exit; the folder stays, and it can be run
again. It needs the vault installed; everything it does is done through `vaultd` and `vaultctl`.
"""

import sys
from pathlib import Path


def main() -> int:
    """Run the demonstration in the package that this file lies in."""
    # Python looks beside a script for modules, not in the folder that `clients.examples` is in.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from clients.examples.demo_steps import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
