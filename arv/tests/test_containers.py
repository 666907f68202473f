"""The container files, as far as they can be proved without an engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.urls import reverse

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
SITE = (ROOT / "deploy" / "nginx" / "site.conf").read_text()


@pytest.fixture
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return loaded


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_its_linter() -> None:
    run(PROGRAMS / "hadolint", "Dockerfile")


def test_compose_yaml_fits_the_compose_specification() -> None:
    run(PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_application_runs_as_nobody_special() -> None:
    last_stage = DOCKERFILE.split("\nFROM ")[-1]
    assert "\nUSER 10001:10001\n" in last_stage
    assert "\nHEALTHCHECK " in last_stage


def test_every_image_has_a_version() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    images = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) - stages
    images |= set(re.findall(r"^ +image: (\S+)$", COMPOSE, re.MULTILINE))
    assert len(images) >= 7
    assert [image for image in images if not re.search(r":(v?\d|\$\{ARV_VERSION)", image)] == []


def test_what_the_dockerfile_copies_is_in_the_build_context() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    paths = [path for source in sources for path in source.split()]
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists() or path in ignored] == []


def test_each_variable_of_compose_is_in_the_example_or_has_a_default() -> None:
    names = re.findall(r"\$\{(\w+)(:-[^}]*)?\}", COMPOSE)
    example = (ROOT / ".env.example").read_text()
    missing = {
        name for name, default in names if default in ("", ":-") and f"\n{name}=" not in example
    }
    assert missing == set()


def test_every_service_is_watched_or_ends_by_itself(services: dict[str, Any]) -> None:
    unwatched = {
        name
        for name, service in services.items()
        if "healthcheck" not in service and "build" not in service
    }
    once = {name for name, service in services.items() if service["restart"] == "no"}
    assert unwatched == set()
    assert once == {"migrate", "s3-bucket"}
    assert all(service["restart"] in {"no", "unless-stopped"} for service in services.values())


def test_only_nginx_can_be_reached_from_outside(services: dict[str, Any]) -> None:
    open_ports = {
        name: [port for port in service["ports"] if not port.startswith("127.0.0.1:")]
        for name, service in services.items()
        if "ports" in service
    }
    assert {name for name, ports in open_ports.items() if ports} == {"nginx"}


def test_requests_are_logged_by_the_application_alone(services: dict[str, Any]) -> None:
    configuration = "".join(path.read_text() for path in (ROOT / "deploy/nginx").glob("*.conf"))
    assert set(re.findall(r"^ *access_log (.+);$", configuration, re.MULTILINE)) == {"off"}
    assert re.findall(r"^ *error_log (.+);$", configuration, re.MULTILINE) == ["/dev/stderr crit"]
    assert "--quiet" in services["s3"]["command"]


def test_grafana_does_not_start_without_a_password(services: dict[str, Any]) -> None:
    *shell, script = services["grafana"]["entrypoint"]
    script = script.replace("$$", "$").replace("/run.sh", "echo started")
    for password, output in (("", "GRAFANA_PASSWORD is not set.\n"), ("x", "started\n")):
        done = subprocess.run(
            [*shell, script],
            env={**os.environ, "GF_SECURITY_ADMIN_PASSWORD": password},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0, done.stdout + done.stderr) == (bool(password), output)


def test_the_workers_take_every_queue_that_tasks_are_routed_to(services: dict[str, Any]) -> None:
    commands = [service.get("command", []) for service in services.values()]
    taking = [command for command in commands if "--queues" in command]
    queues = {
        queue for command in taking for queue in command[command.index("--queues") + 1].split(",")
    }
    assert len(taking) == 2
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert queues == {settings.CELERY_TASK_DEFAULT_QUEUE, *routed}


def test_nginx_and_the_application_agree(services: dict[str, Any]) -> None:
    environment = services["web"]["environment"]
    assert f"\nlocation {environment['MEDIA_ACCEL_LOCATION']} {{\n    internal;" in SITE
    assert environment["TRUSTED_PROXY_HOPS"] == "${TRUSTED_PROXY_HOPS:-1}"
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in SITE
    largest = re.search(r"client_max_body_size (\d+)m;", SITE)
    assert largest
    assert int(largest[1]) << 20 > settings.VIDEO_MAX_BYTES + settings.IMAGE_MAX_BYTES
    archives = SITE.partition(f"location = {reverse('admin:content_bulkimport_add')} {{")[2]
    largest = re.search(r"client_max_body_size (\d+)m;", archives)
    assert largest
    assert int(largest[1]) << 20 > settings.BULK_MAX_BYTES
