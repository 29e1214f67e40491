"""Whether built pages need nothing but each other: ``python -m docs.pages.offline FOLDER``.

Sphinx checks the links that authors write. This looks at what was made of them: whatever a page loads is in the
folder, and each link within the folder leads to a file and a place in it.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FAR = re.compile(r"""url\(\s*["']?(?:https?:)?//|@import""")
LOADS = {"script": "src", "img": "src", "source": "src", "video": "src", "iframe": "src", "link": "href"}


class Found(HTMLParser):
    """What a page refers to, and the places in it.

    Attributes:
        loads: addresses that a browser fetches to show it.
        links: addresses that a click leads to.
        places: the ids in it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what an element says."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif LOADS.get(tag, "") in given and given.get("rel") != "canonical":
            self.loads.append(given[LOADS[tag]])


def problems(folder: Path) -> list[str]:
    """Return what the pages of a folder refer to and is not in it, each with the page."""
    pages = {path: Found(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    told: list[str] = []
    for path, page in pages.items():
        where = path.relative_to(folder)
        told += [f"{where} loads {address} from the network" for address in page.loads if urlsplit(address).netloc]
        lost = [each for each in page.loads + page.links if _is_near(each) and not _is_there(path, each, pages)]
        told += [f"{where} leads to {address}, which is not there" for address in lost]
    styles = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.css"))}
    return told + [f"{where} loads from the network" for where, text in styles.items() if _FAR.search(text)]


def _is_near(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def _is_there(path: Path, address: str, pages: dict[Path, Found]) -> bool:
    parts = urlsplit(address)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not parts.fragment or target not in pages:
        return target.exists()
    return unquote(parts.fragment) in pages[target].places


def main() -> None:
    """Tell what is wrong with a folder, and fail if anything is."""
    found = problems(Path(sys.argv[1]).resolve())
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
