"""What an author of metrics needs to test them, without a repository and whatever runs the tests.

::

    from astropy import units as u
    from gnomon.testing import assert_measured, make_catalog, run_metric

    def test_the_background_is_the_median_of_the_sky():
        catalog = make_catalog(sky=[1.0, 2.0, 9.0] * u.adu, visit=42, detector=3)
        measurement = run_metric(BackgroundTask, catalogs=[catalog])
        assert_measured(measurement, "mine.background", 2.0 * u.adu)

A metric that is defined in YAML alone is tested by `measure_yaml` in the same way. `make_up_night` makes
measurements of a camera that does not exist, for trying out what can be done with them. Importing this makes
the process know gnomon's datasets, as ``gnomon repo config`` does for a command.
"""

from gnomon.testing.assertions import assert_measured
from gnomon.testing.catalogs import make_catalog, make_handle
from gnomon.testing.nights import MadeUpNight, make_up_night
from gnomon.testing.running import measure_yaml, run_metric, run_metrics

__all__ = [
    "MadeUpNight",
    "assert_measured",
    "make_catalog",
    "make_handle",
    "make_up_night",
    "measure_yaml",
    "run_metric",
    "run_metrics",
]
