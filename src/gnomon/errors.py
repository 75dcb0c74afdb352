"""One tree of errors.

Every error that a person can cause descends from `GnomonError` and carries a stable `code` (for programs),
an HTTP `status` (for the service) and a message that says what was given, what was expected and what comes
nearest. An error also descends from the builtin that a caller would naturally catch.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = [
    "AnnotationError",
    "AnnotationLogError",
    "AnnotationNotFoundError",
    "BufferFileError",
    "CollectionNotFoundError",
    "ConcurrencyError",
    "CutError",
    "DataIdError",
    "DatasetTypeNotFoundError",
    "DatumNotFoundError",
    "DefinitionError",
    "DefinitionTypeError",
    "ExclusionError",
    "ExclusionsOutOfDateError",
    "ExclusionsUnavailableError",
    "ExpressionError",
    "FormatError",
    "GnomonError",
    "GraphLossError",
    "GraphNotOursError",
    "InheritanceError",
    "LineageError",
    "LineageNotFoundError",
    "LogForkError",
    "MeasurementError",
    "MeasurementNotFoundError",
    "MeasurementTypeError",
    "MetricComputationError",
    "MetricNotFoundError",
    "MissingExtraError",
    "NameFormatError",
    "NameMismatchError",
    "NotFullyQualifiedError",
    "NotOursError",
    "PackageNotFoundError",
    "PolicyError",
    "RepositoryError",
    "SchemaError",
    "SeriesError",
    "SettingsError",
    "SpecificationNotFoundError",
    "SpecificationResolutionError",
    "StoreError",
    "StoreFileGoneError",
    "TimeFormatError",
    "UnitMismatchError",
    "VocabularyError",
    "nearest",
]


class GnomonError(Exception):
    """The root of all errors that gnomon raises on purpose.

    Parameters
    ----------
    message
        What was given, what was expected, and the nearest valid thing.
    file
        The file in which the mistake stands, where there is one.
    line
        Its line, counted from 1.
    """

    code = "gnomon"
    status = 500

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.message = message
        self.file = file
        self.line = line
        super().__init__(message)

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


class NameFormatError(GnomonError, TypeError):
    """A metric or specification name that cannot be one, or parts of it that contradict each other."""

    code = "name_format"
    status = 422


class NotFullyQualifiedError(GnomonError, AttributeError, RuntimeError):
    """A name that lacks the part which was asked for."""

    code = "not_fully_qualified"
    status = 422


class TimeFormatError(GnomonError, ValueError):
    """A time that cannot be read, or one without a stated scale where it matters."""

    code = "time_format"
    status = 422


class DataIdError(GnomonError, ValueError):
    """A data ID that lacks a required dimension or holds a value of the wrong type."""

    code = "data_id"
    status = 422


class ExpressionError(GnomonError, ValueError):
    """An expression that cannot be parsed, or that names what is not there."""

    code = "expression"
    status = 422


class SettingsError(GnomonError, ValueError):
    """A configuration file or variable that cannot be understood."""

    code = "settings"
    status = 500


class DefinitionError(GnomonError, ValueError):
    """A metric or specification definition that is wrong.

    Attributes
    ----------
    rule
        The linter's rule that was broken, where it is one of its own.
    """

    code = "definition"
    status = 422
    rule: str | None = None


class DefinitionTypeError(DefinitionError, TypeError):
    """A part of a definition that is of the wrong type."""

    code = "definition_type"


class SpecificationResolutionError(DefinitionError):
    """A specification whose bases are missing, or form a circle."""

    code = "specification_resolution"


class PackageNotFoundError(DefinitionError, FileNotFoundError):
    """A definition package that is not there."""

    code = "package_not_found"
    status = 404


class NameMismatchError(GnomonError, KeyError):
    """Something that was to be kept under a name which is not its own."""

    code = "name_mismatch"
    status = 422

    __str__ = GnomonError.__str__  # KeyError would show the message's repr


class MetricNotFoundError(GnomonError, KeyError):
    """A metric that nobody defined or measured."""

    code = "metric_not_found"
    status = 404

    __str__ = GnomonError.__str__


class SpecificationNotFoundError(GnomonError, KeyError):
    """A specification that does not exist."""

    code = "specification_not_found"
    status = 404

    __str__ = GnomonError.__str__


class UnitMismatchError(GnomonError, TypeError):
    """A quantity whose unit cannot be converted into the metric's."""

    code = "unit_mismatch"
    status = 422


class MeasurementError(GnomonError, ValueError):
    """A measurement that is not a scalar, or whose parts do not fit together."""

    code = "measurement"
    status = 422


class MeasurementTypeError(MeasurementError, TypeError):
    """A part of a measurement that is of the wrong type."""

    code = "measurement_type"


class MeasurementNotFoundError(GnomonError, KeyError):
    """A metric of which there is no measurement here."""

    code = "measurement_not_found"
    status = 404

    __str__ = GnomonError.__str__


class DatumNotFoundError(GnomonError, KeyError):
    """A datum, blob or note that is not there."""

    code = "datum_not_found"
    status = 404

    __str__ = GnomonError.__str__


class MetricComputationError(GnomonError, RuntimeError):
    """A metric that could not be computed from data that were there."""

    code = "metric_computation"
    status = 500


class FormatError(GnomonError, ValueError):
    """A file that is not in the format which it claims."""

    code = "format"
    status = 422


class StoreError(GnomonError, RuntimeError):
    """The metrics store cannot do what was asked."""

    code = "store"
    status = 500


class StoreFileGoneError(StoreError):
    """A file of the metrics store that its table names and that is not there."""

    code = "store_file_gone"


class BufferFileError(StoreError):
    """A hot buffer whose file cannot be used: full disk, network file system, damage, another version."""

    code = "buffer_file"


class SchemaError(StoreError, ValueError):
    """A table whose columns are not those of a stored measurement."""

    code = "schema"
    status = 422


class SeriesError(GnomonError, ValueError):
    """A time series that cannot be set beside measurements as asked."""

    code = "series"
    status = 422


class CollectionNotFoundError(GnomonError, LookupError):
    """A collection that neither the store nor the repository knows."""

    code = "collection_not_found"
    status = 404


class AnnotationError(GnomonError, ValueError):
    """An annotation, flag or target that cannot be recorded."""

    code = "annotation"
    status = 422


class AnnotationNotFoundError(AnnotationError, LookupError):
    """An annotation that nobody made."""

    code = "annotation_not_found"
    status = 404


class AnnotationLogError(AnnotationError, RuntimeError):
    """A log of annotations that cannot be opened, read or written."""

    code = "annotation_log"
    status = 500


class LogForkError(AnnotationLogError):
    """Two different events that claim to be the same one of an origin."""

    code = "log_fork"
    status = 409


class VocabularyError(AnnotationError):
    """A vocabulary of flags that cannot be one, or contradicts what is known."""

    code = "vocabulary"


class PolicyError(AnnotationError):
    """A policy that cannot be one, or that nobody laid down."""

    code = "policy"


class InheritanceError(AnnotationError):
    """Rules of inheritance that cannot be such, that are not there, or that a repository cannot follow."""

    code = "inheritance"


class CutError(AnnotationError, LookupError):
    """A cut that cannot be read, or that goes beyond what the log holds."""

    code = "cut"
    status = 404


class ConcurrencyError(GnomonError, RuntimeError):
    """Somebody else changed the same thing first."""

    code = "conflict"
    status = 409


class DatasetTypeNotFoundError(GnomonError, LookupError):
    """A dataset type of which the store holds nothing."""

    code = "dataset_type_not_found"
    status = 404


class LineageError(GnomonError, RuntimeError):
    """Lineage that cannot be recorded, or a database of it that cannot be used."""

    code = "lineage"
    status = 500


class LineageNotFoundError(LineageError, LookupError):
    """A dataset that neither the repository nor the lineage knows."""

    code = "lineage_not_found"
    status = 404


class RepositoryError(GnomonError, RuntimeError):
    """A Butler repository that cannot be used as asked."""

    code = "repository"
    status = 500


class ExclusionError(GnomonError, ValueError):
    """A selection of data that cannot be understood, or cannot be applied to what it is asked of."""

    code = "exclusion"
    status = 422


class ExclusionsUnavailableError(GnomonError, RuntimeError):
    """Annotations or metrics that have to be asked before data are used, and cannot be."""

    code = "exclusions_unavailable"
    status = 503


class ExclusionsOutOfDateError(ExclusionsUnavailableError):
    """Annotations or metrics whose newest entry is older than allowed."""

    code = "exclusions_out_of_date"


class GraphLossError(RepositoryError):
    """A quantum graph that lost more than allowed, or everything, to what was left out.

    Attributes
    ----------
    tasks, left_out, pruned
        What each task lost, what was left out, and which quanta went in consequence.
    """

    code = "graph_loss"
    status = 409
    tasks: tuple[Any, ...] = ()
    left_out: tuple[Any, ...] = ()
    pruned: tuple[Any, ...] = ()


class GraphNotOursError(RepositoryError):
    """A quantum graph that says nothing of what was left out of it."""

    code = "graph_not_ours"
    status = 404


class NotOursError(GnomonError, FileExistsError):
    """A file or folder that exists and was not made by gnomon: it is left as it is."""

    code = "not_ours"
    status = 409


class MissingExtraError(GnomonError, ImportError):
    """A feature whose optional dependencies are not installed."""

    code = "missing_extra"
    status = 501


def nearest(given: str, known: Iterable[str]) -> str:
    """Say which known name comes nearest to a wrong one.

    Parameters
    ----------
    given
        The name that was not found.
    known
        The names that exist.

    Returns
    -------
    str
        A clause to append to a message, with a leading space; empty if nothing exists.

    Examples
    --------
    >>> nearest("zero_pont", ["zero_point", "airmass"])
    ' Did you mean zero_point?'
    >>> nearest("x", ["zero_point", "airmass"])
    ' Known are: airmass, zero_point.'
    """
    names = sorted(set(known))
    if not names:
        return ""
    if close := get_close_matches(given, names, n=1, cutoff=0.6):
        return f" Did you mean {close[0]}?"
    if len(names) > 10:
        return f" Known are, among {len(names)}: {', '.join(names[:10])}."
    return f" Known are: {', '.join(names)}."
