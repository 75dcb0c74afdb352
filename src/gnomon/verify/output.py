"""Writing plain quantities as a job's file."""

import os
from collections.abc import Mapping
from typing import Any

from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.verify.job import Job

__all__ = ["output_quantities"]


def output_quantities(
    package_name: str,
    quantities: Mapping[str, Any],
    suffix: str | None = None,
    include_metrics: bool = False,
    metrics_package: str | os.PathLike[str] = "verify_metrics",
) -> str:
    """Write quantities as measurements into a file ``{package_name}[_{suffix}].verify.json``.

    Parameters
    ----------
    package_name
        The package of the metrics, and the beginning of the file's name.
    quantities
        From names of metrics, with or without the package, to quantities.
    suffix
        What tells files of one package apart.
    include_metrics
        Whether the file holds the definitions of the package's metrics and specifications too.
    metrics_package
        Where they are defined (see `gnomon.definitions.find_package`).

    Returns
    -------
    str
        Name of the file, in the current directory.

    Raises
    ------
    GnomonError
        If a name or quantity is none, or there are no definitions where they are asked for.
    """
    job = Job.load_metrics_package(metrics_package, subset=package_name) if include_metrics else Job()
    for name, quantity in quantities.items():
        metric = Name(package=package_name, metric=name)
        job.measurements.insert(Measurement(job.metrics.get(metric, metric), quantity))
    filename = f"{package_name}.verify.json" if suffix is None else f"{package_name}_{suffix}.verify.json"
    job.write(filename)
    return filename
