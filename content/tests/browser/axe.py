"""What axe-core finds on a page."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[3] / "node_modules" / "axe-core" / "axe.min.js"


def grave_violations(page: Page, within: str | None = None) -> list[str]:
    """The serious and critical ones of the page, or of what the selector `within` finds."""
    # Not as a script tag: the pages forbid those.
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("(within) => axe.run(within ?? document)", within)
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
