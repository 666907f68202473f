"""What axe-core finds on a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async ([within, components]) => {
  const { violations } = await axe.run(within ?? document);
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, html }) => {
    const element = target.length === 1 ? document.querySelector(target[0]) : null;
    const component = components.find((selector) => element?.closest(selector)) ?? "";
    return { rule: id, impact, component, where: `${target} ${html.slice(0, 120)}` };
  }));
}
"""


@dataclass(frozen=True)
class Violation:
    rule: str
    impact: str
    component: str  # the one it lies in, of those that were asked about; "" is none of them
    where: str


def violations(
    page: Page, *, within: str | None = None, components: Iterable[str] = ()
) -> list[Violation]:
    """Those of the page, or of what the selector `within` finds."""
    # Not as a script tag: the pages forbid those.
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(RUN, [within, list(components)])
    return [Violation(**one) for one in found]


def grave_violations(page: Page, within: str | None = None) -> list[str]:
    """The serious and critical ones."""
    return [
        f"{one.rule} ({one.impact}): {one.where}"
        for one in violations(page, within=within)
        if one.impact in {"serious", "critical"}
    ]
