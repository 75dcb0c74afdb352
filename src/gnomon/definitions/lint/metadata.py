"""Queries for metadata that no job carries, and what jobs do carry."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from gnomon.dataids import REQUIRED
from gnomon.definitions.hints import Hints
from gnomon.definitions.lint.package import Package
from gnomon.definitions.lint.rules import Finding, make_finding
from gnomon.definitions.yaml_source import Located
from gnomon.errors import FormatError

__all__ = ["USUAL_METADATA", "job_metadata", "unasked_metadata"]

USUAL_METADATA: frozenset[str] = frozenset(
    {
        # Jobs made from a Butler repository (lsst.verify, bin/jobReporter.py) have the whole data ID, implied
        # dimensions too, and these.
        *REQUIRED,
        "filter",
        "butler_generation",
        "ci_dataset",
        # The first such reporter (faro) had the names of validate_drp, whose jobs have instrument,
        # filter_name and dataset_repo_url (validate.py, runOneFilter), and the older name of a band.
        "filter_name",
        "dataset_repo_url",
        "abstract_filter",
        # Tasks of the second generation put in the keys of the data ID as the cameras named them
        # (lsst.verify, compatibility/metadataTask.py).
        "ccd",
        "ccdnum",
        "raft",
        "raftName",
        "sensor",
        "detectorName",
        "expId",
        "date",
        "dateObs",
        "taiObs",
        "field",
        "pointing",
        "run",
        "snap",
        "tracts",
        # pipe_analysis (visitAnalysis.py, coaddAnalysis.py, colorAnalysis.py, analysis.py).
        "camera",
        "rerun",
        "galacticExtinctionCorrection",
        "shapeAlgorithm",
        # What a job is given when it is dispatched (bin/dispatchverify.py, metadata/jenkinsci.py and ldf.py);
        # the keys of the environment stand below `env`, or beside it where jobs were made by hand.
        "packages",
        "env",
        "env_name",
        "ci_id",
        "ci_name",
        "ci_label",
        "ci_url",
        "status",
        "dataset",
        "run_id",
        "run_id_url",
        "version_tag",
        # What queries can ask of rows of the metrics store, beside their data ID.
        "dataset_type",
        "software",
    }
)
"""Keys that jobs of the established framework, and rows of the metrics store, carry."""


def unasked_metadata(package: Package, known: Collection[str] | None = None) -> Iterator[Finding]:
    """Find terms of queries that no job carries.

    Parameters
    ----------
    package
        The package.
    known
        The keys that jobs carry; by default the usual ones, and notes of measurements
        (``package.metric.key``).

    Yields
    ------
    Finding
        Of the rule ``unasked-metadata``, where the term is written.
    """
    hints = Hints()
    for document in package.every_document:
        query = document.content.get("metadata_query")
        if not isinstance(query, Located):
            continue
        for term in query:
            if not _carried(term, known):
                hint = hints.nearest(str(term), USUAL_METADATA if known is None else known)
                yield make_finding(
                    "unasked-metadata",
                    query.where(term),
                    f"No job is known to carry {term!r}, which this query asks for.",
                    hint.strip() if "Did you" in hint else "",
                )


def _carried(term: object, known: Collection[str] | None) -> bool:
    if known is not None:
        return term in known
    if not isinstance(term, str):
        return False
    skypix = term.rstrip("0123456789") in ("htm", "healpix")
    return term in USUAL_METADATA or skypix or term.count(".") >= 2


def job_metadata(path: Path) -> frozenset[str]:
    """Read which keys of metadata a job carries.

    Parameters
    ----------
    path
        A file with the JSON of a job.

    Returns
    -------
    frozenset of str
        The keys of its ``meta``.

    Raises
    ------
    FormatError
        If it is no job.
    """
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"This is not JSON: {error}", file=str(path)) from error
    metadata = document.get("meta") if isinstance(document, dict) else None
    if not isinstance(metadata, dict):
        raise FormatError("A job is a JSON object with an object 'meta'; this has none.", file=str(path))
    return frozenset(metadata)
