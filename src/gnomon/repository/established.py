"""Reading files that the established framework wrote into a repository, years ago perhaps.

A datastore remembers with each file the formatter that wrote it. For a measurement of the established
framework that is the Butler's own YAML formatter, which knows the file's tags only if somebody has told
PyYAML's safe loader of them, as importing the original package does. Importing this module does it where
the original is not there: what is built is our `Measurement`, by our own bounded reader, and nothing else.

The Butler imports this module by itself: our datastore configuration names `EstablishedFiles` as the class of
a part of it, and such a class is imported when the configuration is read.
"""

from typing import Any

import yaml

from gnomon.measurements import Measurement
from gnomon.measurements.yaml_codec import from_yaml
from gnomon.repository.configuration import original_importable

__all__ = ["EstablishedFiles", "register"]

_TAG = "lsst.verify.Measurement"


class EstablishedFiles:
    """A name to import this module by, and nothing more."""


def register() -> None:
    """Make PyYAML's safe loaders build measurements of the established tag, if nobody else does."""
    if original_importable("MetricValue"):
        return
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if _TAG not in loader.yaml_constructors:
            loader.add_constructor(_TAG, _measurement)


def _measurement(loader: Any, node: yaml.Node) -> Measurement:
    del loader
    return from_yaml(yaml.serialize(node, Dumper=yaml.SafeDumper), file=node.start_mark.name)


register()
