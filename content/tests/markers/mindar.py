"""MindAR's own code, run under Node from its npm package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("reference_compiler.mjs")


def run_mindar(command: str, *arguments: int, given: bytes) -> bytes:
    """The answer of `reference_compiler.mjs`; fails the test when Node or MindAR is missing."""
    beside = Path(sys.executable).parent / "node"
    node = str(beside) if beside.exists() else shutil.which("node")
    modules = ROOT / "node_modules"
    if not node or not (modules / "mind-ar").is_dir():
        pytest.fail("Node or node_modules/mind-ar is missing: run script/setup")
    done = subprocess.run(
        [node, str(SCRIPT), command, *map(str, arguments)],
        input=given,
        capture_output=True,
        env=os.environ | {"ARV_NODE_MODULES": str(modules)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
