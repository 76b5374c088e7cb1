"""Masked renditions: what a front end may see of a document's content, made when it is uploaded.

In come the kind of a document and its bytes, as JPEG, PNG, TIFF, WebP, HEIC or PDF; out go small
pictures of its pages in which number, machine-readable zone, portrait, signature and whatever else
the masks hide are covered, or placeholders that say why a page is not shown. They are drawn anew
from pixels, so that nothing else of the document is in them. What is in doubt is not shown.

Bytes of a document are decoded in a process of its own that can open nothing and has bounds to
everything; from it come pixels and nothing else. The room holds no key and keeps nothing.
"""

from vault.renditions.drawing import stamp
from vault.renditions.layouts import LAYOUTS, Layout, LayoutsInvalid, load_layouts
from vault.renditions.limits import Limits
from vault.renditions.png import NotOurPng
from vault.renditions.problems import DocumentRefused, Problem
from vault.renditions.process import DecoderMissing
from vault.renditions.renderer import Renderer
from vault.renditions.rendition import Rendition, RenditionPage, Withheld
from vault.renditions.sniffing import END_SIZE, START_SIZE, check_end, check_start, sniff

__all__ = [
    "END_SIZE",
    "LAYOUTS",
    "START_SIZE",
    "DecoderMissing",
    "DocumentRefused",
    "Layout",
    "LayoutsInvalid",
    "Limits",
    "NotOurPng",
    "Problem",
    "Renderer",
    "Rendition",
    "RenditionPage",
    "Withheld",
    "check_end",
    "check_start",
    "load_layouts",
    "sniff",
    "stamp",
]
