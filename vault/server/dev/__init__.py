"""A whole vault for one machine: authority, certificates, keys, profiles, and both tiers running.

What comes in is a folder and two ports; what goes out is a folder that `vaultd serve` and
`vaultctl` take as it is, and two child processes. `held` keeps a second start out, `prepare` lays
the folder out or takes up the one that is there, `require_free` asks for the ports, `Supervised`
runs the tiers, `dev_token` stands for an identity provider.

What somebody changed in the folder is never overwritten, a key is never made anew beside data that
it should open, and the masked tier's key folder never holds another KEK than the masked one. It is
for development and demonstrations: the authority's key lies beside what it issues.
"""

from vault.server.dev.files import DevFolderUnusable
from vault.server.dev.folder import DevVault, held, prepare
from vault.server.dev.issuer import TOKEN_SECONDS, dev_token
from vault.server.dev.layout import BEARERS, INSTITUTION, PEOPLE, Ports
from vault.server.dev.ports import require_free
from vault.server.dev.processes import Supervised, TierEnded

__all__ = [
    "BEARERS",
    "INSTITUTION",
    "PEOPLE",
    "TOKEN_SECONDS",
    "DevFolderUnusable",
    "DevVault",
    "Ports",
    "Supervised",
    "TierEnded",
    "dev_token",
    "held",
    "prepare",
    "require_free",
]
