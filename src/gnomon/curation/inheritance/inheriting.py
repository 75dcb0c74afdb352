"""All that is inherited: flags compiled once under one set of rules, and asked about any number of things."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import polars as pl
from lsst.daf.butler import Butler, DatasetRef

from gnomon import dataids
from gnomon.annotations import EffectiveFlag, Target
from gnomon.annotations import vocabulary as vocabularies
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.curation.inheritance.covering import THINGS, Covering, things_of
from gnomon.curation.inheritance.implied import with_implied
from gnomon.curation.inheritance.inherited import InheritedFlag, Source, causes_of
from gnomon.curation.inheritance.lineage import describe, flow_through_lineage
from gnomon.curation.inheritance.records import Definitions, flow_through_records
from gnomon.curation.inheritance.rules import Flow, InheritanceRules
from gnomon.curation.inheritance.virtual import asserted, evaluate_inherited
from gnomon.errors import InheritanceError
from gnomon.repository.lineage import Lineage

__all__ = ["CONTAINED", "Inheritance", "inherit"]

CONTAINED = "part of it"
"""The rule by which what holds of a data ID holds of every data ID that contains it."""


class Inheritance:
    """Effective flags under rules of inheritance, ready to be asked.

    Parameters
    ----------
    flags
        Effective flags in every state: those that are *set* flow, and what a person *cleared* stands against
        them. Flags of what is neither a dataset nor a data ID do not flow.
    rules
        Which flags flow where.
    butler
        Client of the repository that has the visit definitions.
    lineage
        What was made from what. Needed only if datasets are to inherit from their inputs; without it they do
        not, which is an error if the rules count on it.
    vocabulary
        What flags mean; by default what ships with gnomon.
    virtual
        Virtual flags that are of interest beside those among ``flags``. They do not flow: they are evaluated
        where the flags arrive that they are made of. For that ``flags`` should have those in every state.

    Raises
    ------
    InheritanceError
        If the rules let inputs count and there is no lineage or an empty one, or they name a flag or visit
        system that does not exist.
    """

    def __init__(
        self,
        flags: Iterable[EffectiveFlag],
        rules: InheritanceRules,
        *,
        butler: Butler,
        lineage: Lineage | None = None,
        vocabulary: Vocabulary | None = None,
        virtual: Iterable[str] = (),
    ) -> None:
        self.flags = list(flags)
        self.rules = rules
        self._butler, self._lineage = butler, lineage
        known = self._vocabulary = vocabularies.load() if vocabulary is None else vocabulary
        self._asserted = asserted(self.flags)
        self._virtual = sorted({*virtual, *(flag.flag for flag in self.flags)} & known.virtual.keys())
        for flow in rules.flows:
            flow.check(known)
        names = {flag.flag for flag in (*self.flags, *self._asserted)}
        carried = [
            (flow, frozenset(name for name in names if flow.carries(name, known))) for flow in rules.flows
        ]
        self._of_datasets = [(flow, some) for flow, some in carried if flow.way == "input to output"]
        self._of_records = [(flow, some) for flow, some in carried if flow.way != "input to output"]
        if rules.datasets_count and lineage is None:
            raise InheritanceError(
                f"By {rules.label} what counts against an input counts against what was made from it, and no "
                "lineage was given to tell what that is."
            )
        if rules.datasets_count and lineage is not None and lineage.empty:
            raise InheritanceError(
                f"By {rules.label} what counts against an input counts against what was made from it, and "
                f"the lineage at {lineage.place} has nothing recorded. Is it the right one? `gnomon lineage "
                "record` fills it."
            )

    @cached_property
    def records(self) -> tuple[InheritedFlag, ...]:
        """What exposures and visits inherit from each other, those that only inform among them."""
        flows = [(flow, names) for flow, names in self._of_records if names]
        if not flows:
            return ()
        found = list(
            _sorted(
                flow_through_records(
                    self._asserted, flows, definitions=Definitions(self._butler), label=self.rules.label
                )
            )
        )
        if self._virtual and found:
            targets = list(dict.fromkeys(flag.target for flag in found))
            covering = Covering([*self._asserted, *found])
            things = with_implied(things_of(targets), covering.dimensions, butler=self._butler)
            covered = covering.of(things).group_by("thing", maintain_order=True).agg("held")
            sets = [(targets[thing], places) for thing, places in covered.iter_rows()]
            found += evaluate_inherited(self._virtual, found, sets, covering, self._vocabulary)
        return _sorted(found)

    @cached_property
    def _covering(self) -> Covering:
        return Covering([*self.flags, *self.records])

    def everywhere(self, *, advisory: bool = False) -> list[InheritedFlag]:
        """Say what is inherited anywhere.

        Parameters
        ----------
        advisory
            Whether to give what only informs, too.

        Returns
        -------
        list of InheritedFlag
            What records inherit from each other, and what datasets inherit from their inputs as far as the
            lineage goes. That what is set on a data ID holds of each that contains it goes without saying
            here; `of_targets` says so.
        """
        found: list[InheritedFlag] = list(self.records)
        flows = self._dataset_flows(advisory)
        if flows and self._covering and self._lineage is not None:
            flagged = self._flagged_datasets(self._lineage)
            outputs = self._lineage.descendants(flagged)["descendant"].unique().sort().to_list()
            found += self._through_lineage(outputs, flows)
        return list(_sorted(flag for flag in found if advisory or flag.counts))

    def _flagged_datasets(self, lineage: Lineage) -> list[bytes]:
        """Give the recorded datasets on which, or on whose data IDs, something is set."""
        recorded = lineage.known().select("dataset", "dataset_type", "data_id")
        nameless = recorded.filter(pl.col("data_id").is_null())["dataset"]
        named = describe(nameless, lineage=None, butler=self._butler).drop("thing")
        known = (
            pl.concat([recorded.drop_nulls("data_id"), named])
            .with_row_index("thing")
            .select(pl.col(name).cast(kind) for name, kind in THINGS.items())
        )
        things = with_implied(known, self._covering.dimensions, butler=self._butler)
        covered = self._covering.of(things)["thing"].unique()
        return known.filter(pl.col("thing").is_in(covered.implode()))["dataset"].to_list()

    def of_targets(self, targets: Iterable[Target], *, advisory: bool = False) -> list[InheritedFlag]:
        """Say what things inherit.

        Parameters
        ----------
        targets
            Data IDs and datasets; others inherit nothing.
        advisory
            Whether to give what only informs, too.

        Returns
        -------
        list of InheritedFlag
            By target, flag and rule. What holds of a part of a data ID is among them, under the rule
            `CONTAINED` if somebody said it of that part.
        """
        asked = list(dict.fromkeys(targets))
        things = things_of(asked)
        datasets = things.drop_nulls("dataset").select("thing", "dataset")
        if len(datasets):
            known = describe(datasets["dataset"], lineage=self._lineage, butler=self._butler)
            whole = datasets.join(known.drop("thing"), on="dataset", how="left").select(THINGS.names())
            things = pl.concat([things.filter(pl.col("dataset").is_null()), whole])
        return self._of(things, asked, advisory=advisory)

    def of_datasets(self, refs: Sequence[DatasetRef], *, advisory: bool = False) -> list[InheritedFlag]:
        """Say what datasets inherit.

        Parameters
        ----------
        refs
            Datasets, as the Butler gives them.
        advisory
            As of `of_targets`.

        Returns
        -------
        list of InheritedFlag
            As of `of_targets`.
        """
        targets = [Target.dataset(ref.id) for ref in refs]
        rows = [
            (place, ref.id.bytes, ref.datasetType.name, dataids.key(dict(ref.dataId.required)))
            for place, ref in enumerate(refs)
        ]
        return self._of(pl.DataFrame(rows, schema=THINGS, orient="row"), targets, advisory=advisory)

    def _of(self, things: pl.DataFrame, asked: Sequence[Target], *, advisory: bool) -> list[InheritedFlag]:
        covering = self._covering
        found: list[InheritedFlag] = []
        if covering:
            covered = covering.of(with_implied(things, covering.dimensions, butler=self._butler))
            for thing, place, exact in covered.iter_rows():
                held = covering.held[place]
                if isinstance(held, InheritedFlag):
                    found.append(held._replace(target=asked[thing]))
                elif isinstance(held, EffectiveFlag) and not exact:
                    found.append(_contained(asked[thing], held))
        flows = self._dataset_flows(advisory)
        datasets = things.drop_nulls("dataset")["dataset"].to_list()
        if flows and datasets and self._lineage is not None:
            found += self._through_lineage(datasets, flows)
        return list(_sorted(flag for flag in found if advisory or flag.counts))

    def _dataset_flows(self, advisory: bool) -> list[tuple[Flow, frozenset[str]]]:
        return [
            (flow, names)
            for flow, names in self._of_datasets
            if names and (advisory or flow.effect == "counts")
        ]

    def _through_lineage(
        self, outputs: Iterable[bytes], flows: Sequence[tuple[Flow, frozenset[str]]]
    ) -> list[InheritedFlag]:
        if self._lineage is None:
            return []
        return list(
            flow_through_lineage(
                outputs,
                self._covering,
                flows,
                lineage=self._lineage,
                butler=self._butler,
                label=self.rules.label,
            )
        )


def inherit(
    flags: Iterable[EffectiveFlag],
    rules: InheritanceRules,
    *,
    butler: Butler,
    lineage: Lineage | None = None,
    vocabulary: Vocabulary | None = None,
    virtual: Iterable[str] = (),
    targets: Iterable[Target] | None = None,
    advisory: bool = False,
) -> list[InheritedFlag]:
    """Say what is inherited.

    Parameters
    ----------
    flags, rules, butler, lineage, vocabulary, virtual
        As of `Inheritance`.
    targets
        By which things, see `Inheritance.of_targets`; None means anywhere, see `Inheritance.everywhere`.
    advisory
        Whether to give what only informs, too. Without it, everything that comes back leaves data out.

    Returns
    -------
    list of InheritedFlag
        By target, flag and rule; the same in whatever order the flags are given.

    Raises
    ------
    InheritanceError
        As of `Inheritance`.
    """
    compiled = Inheritance(
        flags, rules, butler=butler, lineage=lineage, vocabulary=vocabulary, virtual=virtual
    )
    if targets is None:
        return compiled.everywhere(advisory=advisory)
    return compiled.of_targets(targets, advisory=advisory)


def _contained(target: Target, flag: EffectiveFlag) -> InheritedFlag:
    return InheritedFlag(
        target, flag.flag, causes_of([flag]), 1, CONTAINED, (Source(flag.target, str(flag.target)),), ""
    )


def _sorted(flags: Iterable[InheritedFlag]) -> tuple[InheritedFlag, ...]:
    return tuple(sorted(flags, key=lambda flag: (flag.target.key, flag.flag, flag.rule, flag.what)))
