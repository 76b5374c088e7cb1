"""Reading our Markdown: which pages there are, their headings, links and code."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Code:
    """A fenced block."""

    language: str
    text: str


def all_pages() -> list[Path]:
    """Every Markdown file that is in the repository or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).exists()]


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def codes(text: str) -> list[Code]:
    return [Code(language, body) for language, body in _FENCE.findall(text)]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    found = re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def links(text: str) -> list[str]:
    """Targets of links, in order; what looks like one inside code is none."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(text)).replace("[](", "[x]("))


def inline(text: str) -> list[str]:
    """What stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = path.read_text(encoding="utf-8")
    return {
        re.sub(r"[^\w\- ]", "", title.replace("`", "")).strip().lower().replace(" ", "-")
        for _, title in headings(text)
    }


def command_lines(text: str) -> Iterator[str]:
    """Lines of shell blocks, and commands named in a sentence."""
    for code in codes(text):
        if code.language == "sh":
            yield from (line.strip() for line in code.text.splitlines() if line.strip())
    yield from (part for part in inline(text) if re.match(r"(vaultctl|vaultd|make) ", part))
