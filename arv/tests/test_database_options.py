"""The address of the database may carry options of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRINT = "import json; from arv import settings; print(json.dumps(settings.DATABASES['default']))"


def test_options_of_the_address_are_added_to_the_defaults_and_win() -> None:
    """In a process of its own: settings are read once."""
    url = "postgres://arv:x@db.example.com/arv?sslmode=require&connect_timeout=2"
    printed = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env={**os.environ, "ENVIRONMENT": "test", "DATABASE_URL": url},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    options = json.loads(printed)["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["connect_timeout"] == 2
    assert "statement_timeout=30000" in options["options"]
    assert options["tcp_user_timeout"] == 10_000
    keepalives = [options[f"keepalives_{name}"] for name in ("idle", "interval", "count")]
    assert keepalives == [10, 5, 3]
