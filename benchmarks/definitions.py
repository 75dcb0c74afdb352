"""Loading a definition package: 1,000 metrics and 1,700 specifications with three levels of inheritance.

Beside it, PyYAML alone reads the same files, with its C loader and with the Python loader, so the ratio says
what positions, inheritance, units and checks cost. Ten times the package shows the growth.

Run it with ``.venv/bin/python benchmarks/definitions.py``.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from gnomon.definitions import MetricSet, SpecificationSet

METRIC = """metric{m}:
  description: >
    The number {m} of package {p}, which is long enough to be folded
    over two lines.
  unit: mmag
  reference:
    url: https://example.org/{m}
  tags:
    - photometry
    - monitoring

"""
CAMERA = "id: cam{c}\nmetadata_query:\n  instrument: Cam{c}\n  filter_name: r\ntags: [cam]\n"
PARTIAL = "id: m{m}\nmetric: metric{m}\ntags: [chromatic]\nthreshold: {{unit: mmag, operator: '<='}}\n"
DESIGN = "name: design\nbase: '#m{m}'\nthreshold: {{value: {m}.5}}\ntags: [design]\n"
OF_CAMERA = "name: design_cam{c}\nbase: ['metric{m}.design', 'base#cam{c}']\n"


def make_package(root: Path, packages: int) -> Path:
    """Write a definition package of 100 metrics and 170 specifications a package."""
    (root / "metrics").mkdir(parents=True)
    for p in range(packages):
        text = "".join(METRIC.format(m=m, p=p) for m in range(100))
        (root / "metrics" / f"pkg{p}.yaml").write_text(text)
        folder = root / "specs" / f"pkg{p}"
        folder.mkdir(parents=True)
        (folder / "base.yaml").write_text("---\n".join(CAMERA.format(c=c) for c in range(5)))
        documents = []
        for m in range(34):
            documents += [PARTIAL.format(m=m), DESIGN.format(m=m)]
            documents += [OF_CAMERA.format(m=m, c=c) for c in range(4)]
        (folder / "specs.yaml").write_text("---\n".join(documents))
    return root


def best(function: Callable[[], object], times: int = 3) -> float:
    """Give the least of some durations, in seconds."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        durations.append(time.perf_counter() - start)
    return min(durations)


def parse(root: Path, loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader]) -> None:
    """Read all files of a package with PyYAML alone."""
    for path in root.rglob("*.yaml"):
        list(yaml.load_all(path.read_bytes(), Loader=loader))


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'what':44} {'1,000 + 1,700':>14} {'10,000 + 17,000':>16} {'growth':>7}")
        packages = [make_package(Path(folder) / str(n), n) for n in (10, 100)]
        rows: dict[str, Callable[[Path], object]] = {
            "metrics": MetricSet.load_metrics_package,
            "specifications": SpecificationSet.load_metrics_package,
            "both": lambda root: (
                MetricSet.load_metrics_package(root),
                SpecificationSet.load_metrics_package(root),
            ),
            "PyYAML alone, C loader": lambda root: parse(root, yaml.CSafeLoader),
        }
        seconds: dict[str, list[float]] = {}
        for what, function in rows.items():
            seconds[what] = [
                best(lambda root=root, function=function: function(root))  # type: ignore[misc]
                for root in packages
            ]
            small, large = seconds[what]
            print(f"{what:44} {small:12.3f} s {large:14.3f} s {large / small:7.1f}")
        slow = best(lambda: parse(packages[0], yaml.SafeLoader), 1)
        print(f"{'PyYAML alone, Python loader':44} {slow:12.3f} s")
        ratio = seconds["both"][0] / seconds["PyYAML alone, C loader"][0]
        print(f"\nPositions, inheritance, units and checks: {ratio:.2f} times the C loader alone.")


if __name__ == "__main__":
    main()
