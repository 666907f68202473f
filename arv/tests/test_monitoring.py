"""A real Prometheus asks our own web server, and what is under deploy/ finds its figures there."""

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus
import pytest
import throwaway_servers
import yaml
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from arv.tests.web_server import ROOT, fetch, url_of_test_database, web_server
from companies.provisioning import seed_defaults

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
KEY = "the-key-of-the-tests"
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "arv.json"
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
PAGES = 'arv_http_request_seconds_count{view!~"metrics|health-.*"}'
_LIMIT = re.compile(r"(?P<figure>.+) (?:==|<|>) [0-9.]+")


class Prometheus:
    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, what: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        return json.loads(fetch(f"{self.address}/api/v1/{what}?{query}"))["data"]

    def value(self, expression: str) -> Any:
        return self.ask("query", query=expression)["result"]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, once it has asked a web server of a platform that has everything."""
    program, tool = prometheus.ensure()
    seed_defaults()
    PeriodicTask.objects.update(last_run_at=timezone.now())
    env = {"DATABASE_URL": url_of_test_database(), "WEB_CONCURRENCY": "2"}
    with web_server(tmp_path, key=KEY, **env) as address:
        config = own_config(tmp_path, address.removeprefix("http://"))
        for kind, file in (("rules", RULES), ("config", config)):
            done = subprocess.run([tool, "check", kind, file], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        port, log = throwaway_servers.free_port(), tmp_path / "prometheus.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=output,
                stderr=output,
            )
        try:
            throwaway_servers.wait_for_port(port, server, log)
            asked = Prometheus(f"http://127.0.0.1:{port}")
            visit(address)
            until = time.monotonic() + 30
            # A rate needs more answers than one, of the pages too that came last.
            while not asked.value(f"rate({PAGES}[5m])"):
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            yield asked
        finally:
            server.terminate()
            server.wait(20)


def own_config(folder: Path, target: str) -> Path:
    """deploy/prometheus/prometheus.yml, for what cannot be as it is in the containers."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (folder / "key").write_text(KEY)
    (job,) = config["scrape_configs"]
    job["authorization"]["credentials_file"] = str(folder / "key")
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    config["global"] |= dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s"
    )
    config["rule_files"] = [str(RULES)]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def visit(address: str) -> None:
    # The first answers take longer than a scrape may: the processes have just begun.
    for _ in range(4):
        fetch(f"{address}/metrics", key=KEY)
        fetch(f"{address}/api/health/readiness")
        fetch(f"{address}/account/login/")


def test_every_alert_and_every_panel_has_its_figures(asked: Prometheus) -> None:
    (target,) = asked.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")

    figures = {}
    for alert in ALERTS:
        limit = _LIMIT.fullmatch(" ".join(alert["expr"].split()))
        assert limit, f"{alert['alert']} is not one figure and its limit"
        figures[alert["alert"]] = limit["figure"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    for panel in panels:
        for query in panel["targets"]:
            figures[f"{panel['title']} {query['refId']}"] = query["expr"]
    assert len(ALERTS) > 8
    assert len(panels) > 15
    assert [name for name, figure in figures.items() if not asked.value(figure)] == []

    # Of a platform that has everything, nothing is told.
    assert [alert["alert"] for alert in ALERTS if asked.value(alert["expr"])] == []
    healths: dict[str, str] = {"": "unknown"}
    until = time.monotonic() + 30
    while "unknown" in healths.values() and time.monotonic() < until:
        loaded = asked.ask("rules")["groups"][0]["rules"]
        healths = {rule["name"]: rule["health"] for rule in loaded}
    assert healths == {alert["alert"]: "ok" for alert in ALERTS}


def test_a_platform_that_is_gone_is_told_of_and_probes_are_no_errors(tmp_path: Path) -> None:
    def requests(view: str, status: str) -> dict[str, str]:
        labels = f'view="{view}",status="{status}"'
        return {"series": f"arv_http_request_seconds_count{{{labels}}}", "values": "0+60x10"}

    up = {"series": 'up{job="arv",instance="a"}', "values": "1x10"}
    down = {"series": 'up{job="arv",instance="b"}', "values": "0x10"}
    good = requests("account_login", "2xx")
    probes = [requests(view, "5xx") for view in ("health-readiness", "health-status", "metrics")]
    cases: tuple[tuple[str, list[dict[str, str]], float | None], ...] = (
        ("ArvDown", [], 0),
        ("ArvDown", [down], 0),
        ("ArvDown", [up, down], None),
        ("ArvErrors", [good, *probes], None),
        ("ArvErrors", [good, *probes, requests("account_login", "5xx")], 0.5),
    )
    expressions = {alert["alert"]: alert["expr"] for alert in ALERTS}
    tests = [
        {
            "interval": "1m",
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": expressions[name],
                    "eval_time": "10m",
                    "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                }
            ],
        }
        for name, series, value in cases
    ]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": tests}))
    _, tool = prometheus.ensure()
    done = subprocess.run([tool, "test", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_found_by_grafana() -> None:
    (source,) = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/arv.yml").read_text())[
        "providers"
    ]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    mounted = dict(volume.split(":")[:2][::-1] for volume in services["grafana"]["volumes"])
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    panels = json.loads(DASHBOARD.read_text())["panels"]
    used = [query["datasource"] for panel in panels for query in panel["targets"]]
    assert all(one == {"type": "prometheus", "uid": source["uid"]} for one in used)
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
