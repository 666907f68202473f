"""What every process counts as it goes. How it is read out: arv/monitoring.py.

With PROMETHEUS_MULTIPROC_DIR in the environment the figures of all processes stand in files
there, so that any of them can answer for all. Labels take their values from short fixed lists:
what a visitor sends is never one.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
VISITS = ("new", "repeated", "bot", "refused")

_requests = Histogram(
    "arv_http_request_seconds",
    "Requests by view and class of status, and how long they took.",
    ["view", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_visits = Counter(
    "arv_visits", "Start events of visits by what became of them.", ["outcome"], registry=REGISTRY
)
_first_found = Histogram(
    "arv_first_found_seconds",
    "From a visitor's start to the first time that the picture is found.",
    buckets=(0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60),
    registry=REGISTRY,
)
# From the beginning, so that a rate is 0 and not unknown while nothing has happened.
_outcomes = {outcome: _visits.labels(outcome) for outcome in VISITS}
# Looking a child up by its labels takes longer than counting; there are a few hundred at most.
_children: dict[tuple[str, str], Histogram] = {}


def request_answered(view: str, status_code: int, seconds: float) -> None:
    """Count a request. `view` is the name of a URL pattern, or one of a few fixed words."""
    key = view, f"{status_code // 100}xx"
    child = _children.get(key)
    if child is None:
        child = _children[key] = _requests.labels(*key)
    child.observe(seconds)


def visit_recorded(outcome: str) -> None:
    """Count a start event; `outcome` is one of VISITS."""
    _outcomes[outcome].inc()


def first_found(milliseconds: int) -> None:
    _first_found.observe(milliseconds / 1000)
