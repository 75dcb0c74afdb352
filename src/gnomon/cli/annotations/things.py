"""What a command is about: data IDs in words, and options for everything else."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import parse_data_id

if TYPE_CHECKING:
    from gnomon.annotations import Target

__all__ = ["Things", "thing_options"]

_OPTIONS = (
    click.option("--dataset-type", metavar="TYPE", help="Datasets of this type, with the data ID given."),
    click.option("--dataset", "datasets", multiple=True, metavar="UUID", help="A dataset."),
    click.option("--collection", "collections", multiple=True, metavar="NAME", help="A collection."),
    click.option("--repository", metavar="LABEL", help="The label of the repository, where it matters."),
    click.option(
        "--measurement", "measurements", multiple=True, nargs=2, metavar="UUID METRIC", help="A measurement."
    ),
    click.option(
        "--pending",
        multiple=True,
        metavar="OBS_ID",
        help="An observation that no registry knows yet; with instrument=NAME.",
    ),
    click.option("--begin", metavar="UTC", help="Begin of a stretch of time; with instrument=NAME."),
    click.option("--end", metavar="UTC", help="Its end."),
    click.option(
        "--query",
        "queries",
        multiple=True,
        metavar="CONDITION",
        help="Whatever fulfils a condition in the Butler's language, whenever that matters; with --of.",
    ),
    click.option("--of", metavar="DIMENSION|TYPE", help="What the query asks for: records or datasets."),
    click.option("--within", multiple=True, metavar="NAME", help="A collection in which it looks."),
    click.option(
        "--things",
        "file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file of many: JSON Lines, a data ID or a target each.",
    ),
)


def thing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a command is about; it gets them as keywords for `Things`.

    Parameters
    ----------
    command
        A command.

    Returns
    -------
    callable
        The command.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Things:
    """What was given, to be turned into targets.

    Attributes
    ----------
    data_id
        Words such as ``visit=42``.
    dataset_type, datasets, collections, repository, measurements, pending, begin, end, queries, of, within,
    file
        The options.
    """

    data_id: tuple[str, ...] = ()
    dataset_type: str | None = None
    datasets: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    repository: str | None = None
    measurements: tuple[tuple[str, str], ...] = ()
    pending: tuple[str, ...] = ()
    begin: str | None = None
    end: str | None = None
    queries: tuple[str, ...] = ()
    of: str | None = None
    within: tuple[str, ...] = ()
    file: Path | None = None

    def targets(self, *, needed: bool = True) -> "list[Target]":
        """Give the targets.

        Parameters
        ----------
        needed
            Whether there must be one.

        Returns
        -------
        list of Target
            In the order of the options.

        Raises
        ------
        click.UsageError
            If there are none, or the parts do not fit together.
        """
        from gnomon import times
        from gnomon.annotations import Target

        found = [Target.dataset(dataset, self.repository) for dataset in self.datasets]
        found += [Target.collection(name, self.repository) for name in self.collections]
        found += [Target.measurement(id, metric, self.repository) for id, metric in self.measurements]
        identity = parse_data_id(self.data_id)
        if self.pending or self.begin or self.end:
            if set(identity) != {"instrument"}:
                raise click.UsageError(
                    "For --pending, --begin and --end give the instrument, and nothing else: instrument=NAME."
                )
            instrument = str(identity["instrument"])
            found += [Target.pending(obs_id, instrument) for obs_id in self.pending]
            if self.begin or self.end:
                if not (self.begin and self.end):
                    raise click.UsageError("A stretch of time needs both --begin and --end.")
                begin, end = times.from_utc_iso(self.begin), times.from_utc_iso(self.end)
                found.append(Target.timespan(begin, end, instrument))
        elif identity:
            found.append(Target.of_data_id(identity, dataset_type=self.dataset_type))
        elif self.dataset_type is not None:
            raise click.UsageError("--dataset-type needs a data ID, such as instrument=LSSTCam visit=42.")
        found += self._queries(Target)
        if self.file is not None:
            with self.file.open(encoding="utf-8") as lines:
                found += list(_read(lines, self.file))
        if needed and not found:
            raise click.UsageError(
                "Missing argument: what is it about? Give a data ID, such as instrument=LSSTCam visit=42, or "
                "one of --dataset, --collection, --measurement, --pending, --begin and --end, --query, "
                "--things."
            )
        return found

    def _queries(self, target: "type[Target]") -> "list[Target]":
        if not self.queries:
            if self.of or self.within:
                raise click.UsageError("--of and --within say more about a --query.")
            return []
        if self.of is None:
            raise click.UsageError("Say what the query asks for: --of visit, or --of with a dataset type.")
        return [
            target.query(where, of=self.of, collections=self.within, repository=self.repository)
            for where in self.queries
        ]


def _read(lines: Iterable[str], file: Path) -> "Iterable[Target]":
    from gnomon.annotations import Target
    from gnomon.errors import FormatError, GnomonError

    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, Mapping):
                raise FormatError("A JSON object is expected, a data ID or a target.")
            yield Target.from_dict(values) if "kind" in values else Target.of_data_id(values)
        except GnomonError as error:
            raise FormatError(error.message, file=str(file), line=place) from None
        except ValueError as error:
            raise FormatError(f"This line is no JSON: {error}.", file=str(file), line=place) from None
