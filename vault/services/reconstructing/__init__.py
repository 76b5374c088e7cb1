"""Reconstructs a transaction: with everything that it takes to say what happened that day, and to
prove it without the vault (2022 rules of the PBOC, CBIRC and CSRC: enough to reconstruct each
transaction)."""

from vault.services.reconstructing.reconstruction import Reconstructing, Reconstruction

__all__ = ["Reconstructing", "Reconstruction"]
