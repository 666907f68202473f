"""Visits that share their session id are marked, so that a report counts each session once.

Nearly every visit has a session of its own, and what is told apart by the mark need not be told
apart by its id.
"""

from typing import Any

from analytics.figures import VISITS, Sql, fetch, within
from analytics.models import ARViewSession
from analytics.windows import Window

ROWS_AT_ONCE = 500


def mark(company_id: int, window: Window) -> None:
    """Mark the visits in the window that share their session id, and those they share it with."""
    if window.is_empty:
        return
    bounds = within(window)
    _mark_sessions(
        Sql(
            f"SELECT DISTINCT s.session_id FROM {VISITS} AS s WHERE s.company_id = %s"  # noqa: S608
            f" AND {bounds.text} AND NOT s.is_shared AND EXISTS (SELECT 1 FROM {VISITS} AS o"
            " WHERE o.session_id = s.session_id AND o.id <> s.id)",
            [company_id, *bounds.parameters],
        )
    )


def mark_all() -> None:
    """Mark the visits of all companies in one pass."""
    _mark_sessions(
        Sql(
            f"SELECT s.session_id FROM {VISITS} AS s GROUP BY s.session_id"  # noqa: S608
            " HAVING count(*) > 1 AND count(*) > count(*) FILTER (WHERE s.is_shared)",
            [],
        )
    )


def _mark_sessions(question: Sql) -> None:
    found: list[tuple[Any, ...]] = fetch(question)
    # In one order, so that two workers wait for each other rather than for ever.
    sessions = sorted(session for (session,) in found)
    for number in range(0, len(sessions), ROWS_AT_ONCE):
        some = sessions[number : number + ROWS_AT_ONCE]
        ARViewSession.objects.filter(session_id__in=some, is_shared=False).update(is_shared=True)
