"""Files for life: whether they are complete, what falls due, who keeps them, and what has changed.

All of it is reckoned from the files themselves, page after page: nothing of a file stands anywhere
unsealed for it, and a report over all files of an institution takes as much memory as a page.
"""

from vault.services.life.assessing import Assessment, Assessor, Rules, kept_by
from vault.services.life.changes import Change, Changes
from vault.services.life.files import File, Files
from vault.services.life.handing_over import HandingOver, HandOver
from vault.services.life.reminding import Reminding, When
from vault.services.life.reports import Reports, WantedFiles

__all__ = [
    "Assessment",
    "Assessor",
    "Change",
    "Changes",
    "File",
    "Files",
    "HandOver",
    "HandingOver",
    "Reminding",
    "Reports",
    "Rules",
    "WantedFiles",
    "When",
    "kept_by",
]
