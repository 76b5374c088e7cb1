"""`python -m vault.cli.vaultd`, as `vaultd dev` starts its tiers."""

from vault.cli.vaultd.app import main

main()
