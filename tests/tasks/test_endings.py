"""How metrics end when ``pipetask`` runs them, and how its execution report tells the endings apart."""

from typing import Any

import pytest
from astropy import units as u
from lsst.pex.config import DictField, ListField
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

enable()

VISITS = set(range(1, 9))


class EndingConnections(
    MetricConnections,
    defaultTemplates={"package": "ended", "metric": "rows"},
    dimensions=("instrument", "visit"),
):
    """A visit's catalogs."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of a visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class EndingConfig(MetricTaskConfig, pipelineConnections=EndingConnections):
    """How it ends, by visit."""

    endings = DictField[int, str](doc="By airmass order.", keytype=int, itemtype=str, default={})


class EndingTask(MetricTask):
    """Counts the rows of a visit's catalogs, or ends otherwise."""

    ConfigClass = EndingConfig
    config: EndingConfig
    _DefaultName = "ending"

    def run(self, catalogs: list[Any]) -> Struct:
        # The sky of the synthetic night grows by one from visit to visit.
        number = int(catalogs[0]["sky"][0]) - 39
        match self.config.endings.get(number):
            case "none":
                return Struct(measurement=None)
            case "no work":
                raise NoWorkFound("The visit is dark.")
            case "failure":
                raise MetricComputationError("The rows are uncountable.")
            case "crash":
                raise ZeroDivisionError("somebody divided")
            case "other name":
                return Struct(measurement=Measurement("ended.columns", 7))
            case "number":
                return Struct(measurement=7.0)
        return Struct(measurement=Measurement(self.config.metricName, u.Quantity(len(catalogs[0]))))


class FollowingConnections(
    MetricConnections,
    defaultTemplates={"package": "ended", "metric": "followed"},
    dimensions=("instrument", "visit"),
):
    """The measurement before."""

    before = connectionTypes.Input(
        name="metricvalue_ended_rows",
        doc="What the task before it measured.",
        storageClass="MetricValue",
        dimensions=("instrument", "visit"),
    )


class FollowingConfig(MetricTaskConfig, pipelineConnections=FollowingConnections):
    """Nothing of its own."""


class FollowingTask(MetricTask):
    """Needs the measurement of its visit."""

    ConfigClass = FollowingConfig
    _DefaultName = "following"

    def run(self, before: Measurement) -> Struct:
        return Struct(measurement=Measurement(self.config.metricName, before.quantity))


class TotalConnections(
    MetricConnections,
    defaultTemplates={"package": "ended", "metric": "total"},
    dimensions=("instrument", "day_obs"),
):
    """The measurements of a day."""

    before = connectionTypes.Input(
        name="metricvalue_ended_rows",
        doc="What the task before it measured.",
        storageClass="MetricValue",
        dimensions=("instrument", "visit"),
        multiple=True,
    )


class TotalConfig(MetricTaskConfig, pipelineConnections=TotalConnections):
    """Nothing of its own."""


class TotalTask(MetricTask):
    """Adds up the measurements of a day."""

    ConfigClass = TotalConfig
    _DefaultName = "total"

    def run(self, before: list[Measurement]) -> Struct:
        total = sum(measurement.value or 0 for measurement in before)
        return Struct(measurement=Measurement(self.config.metricName, total, count=len(before)))


class PairConnections(
    MetricBundleConnections, defaultTemplates={"package": "ended"}, dimensions=("instrument", "visit")
):
    """A visit's catalogs."""

    catalogs = EndingConnections.catalogs


class PairConfig(MetricBundleConfig, pipelineConnections=PairConnections):
    """Two metrics, of which one may fail."""

    metrics = ListField[str](doc="The metrics to measure.", default=["good", "bad", "worse"])


class PairTask(MetricBundleTask):
    """Measures what it can."""

    ConfigClass = PairConfig
    _DefaultName = "pair"

    def prepare(self, catalogs: list[Any]) -> int:
        return len(catalogs[0])

    def measure_good(self, rows: int) -> u.Quantity:
        return u.Quantity(rows)

    def measure_bad(self, rows: int) -> u.Quantity:
        raise MetricComputationError("It is bad.")

    def measure_worse(self, rows: int) -> u.Quantity:
        raise MetricComputationError("It is worse.")


def task(name: str, **config: Any) -> dict[str, Any]:
    """Give a pipeline's entry for a task of this module."""
    return {"class": f"{__name__}.{name}", "config": config}


HARMLESS = {2: "none", 3: "no work", 4: "failure"}


def test_each_ending_is_told_apart_in_the_execution_report(run_pipeline: Any) -> None:
    endings = {**HARMLESS, 5: "crash", 6: "other name", 7: "number"}
    piped = run_pipeline(
        {
            "ending": {
                "class": f"{__name__}.EndingTask",
                "config": [{"python": f"config.endings = {endings}"}],
            },
            "following": task("FollowingTask"),
        }
    )
    assert piped.status != 0
    assert piped.counts("ending") == {"successful": 5, "failed": 3}
    assert piped.caveats("ending") == {"*": [2], "*N": [3], "*P": [4]}
    assert piped.counts("following") == {"successful": 5, "blocked": 3}
    assert piped.caveats("following") == {"*A": [2, 3, 4]}
    assert piped.measurements("metricvalue_ended_rows").keys() == {1, 8}


def test_the_report_says_which_metric_failed_and_why(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {
            "ending": {
                "class": f"{__name__}.EndingTask",
                "config": [{"python": f"config.endings = {HARMLESS}"}],
            }
        }
    )
    assert piped.status == 0
    assert piped.counts("ending") == {"successful": 8}
    exceptions = piped.report["ending"]["exceptions"]
    assert exceptions.keys() == {"gnomon.errors.MetricComputationError"}
    [summary] = exceptions["gnomon.errors.MetricComputationError"]
    assert summary["data_id"]["visit"] % 100 == 4
    assert summary["exception"]["message"] == "The rows are uncountable."
    assert summary["exception"]["metadata"] == {"rows": "The rows are uncountable."}


def test_a_failure_that_shall_fail_the_quantum_is_a_failed_quantum(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {
            "ending": {
                "class": f"{__name__}.EndingTask",
                "config": [{"python": f"config.endings = {HARMLESS}; config.failQuantum = True"}],
            },
            "total": task("TotalTask"),
        }
    )
    assert piped.counts("ending") == {"successful": 7, "failed": 1}
    assert piped.caveats("ending") == {"*": [2], "*N": [3]}
    assert piped.counts("total") == {"blocked": 1}


def test_of_several_metrics_the_report_names_those_that_failed_and_the_others_are_written(
    run_pipeline: Any,
) -> None:
    piped = run_pipeline({"pair": task("PairTask")})
    assert piped.status == 0
    assert piped.caveats("pair") == {"+P": sorted(VISITS)}
    assert piped.measurements("metricvalue_ended_good").keys() == VISITS
    told = piped.report["pair"]["exceptions"]["gnomon.errors.MetricComputationError"][0]["exception"]
    assert told["message"] == "2 of 3 metrics could not be computed: bad: It is bad.; worse: It is worse."
    assert told["metadata"] == {"bad": "It is bad.", "worse": "It is worse."}


@pytest.mark.long
def test_several_metrics_of_which_one_fails_the_quantum_leave_nothing(run_pipeline: Any) -> None:
    piped = run_pipeline({"pair": task("PairTask", failQuantum=True)}, where="visit = 2026030100001")
    assert piped.counts("pair") == {"failed": 1}
    assert piped.measurements("metricvalue_ended_good") == {}


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("other name", "EndingTask was to measure ended.rows and gave a measurement of ended.columns."),
        ("number", "EndingTask was to give a Measurement of ended.rows, or None; it gave 7.0."),
    ],
)
def test_a_result_that_is_not_what_was_announced_is_a_crash_that_says_so(
    ending: str, message: str, run_pipeline: Any, caplog: pytest.LogCaptureFixture
) -> None:
    piped = run_pipeline(
        {
            "ending": {
                "class": f"{__name__}.EndingTask",
                "config": [{"python": f"config.endings = {{1: {ending!r}}}"}],
            }
        },
        where="visit = 2026030100001",
    )
    assert piped.counts("ending") == {"failed": 1}
    assert message in caplog.text


def total_of_endings(**config: Any) -> dict[str, Any]:
    return {
        "ending": {"class": f"{__name__}.EndingTask", "config": [{"python": f"config.endings = {HARMLESS}"}]},
        "total": task("TotalTask", **config),
    }


def test_a_metric_of_which_inputs_are_missing_is_measured_from_the_others_and_says_so(
    run_pipeline: Any,
) -> None:
    piped = run_pipeline(total_of_endings())
    [total] = piped.measurements("metricvalue_ended_total").values()
    assert total.count == 5
    assert total.notes["partial_input"] is True
    assert piped.report["total"]["caveats"] == {}


def test_a_metric_whose_inputs_are_all_there_says_nothing_of_missing_ones(run_pipeline: Any) -> None:
    piped = run_pipeline({"ending": task("EndingTask"), "total": task("TotalTask", partialInput="refuse")})
    [total] = piped.measurements("metricvalue_ended_total").values()
    assert total.count == 8
    assert "partial_input" not in total.notes


@pytest.mark.long
@pytest.mark.parametrize("graph_first", [False, True])
def test_a_metric_may_refuse_to_be_measured_where_inputs_are_missing(
    graph_first: bool, run_pipeline: Any
) -> None:
    piped = run_pipeline(total_of_endings(partialInput="refuse"), graph_first=graph_first)
    assert piped.status == 0
    assert piped.measurements("metricvalue_ended_total") == {}
    assert piped.report["total"]["caveats"] == {"*A": [{"instrument": "DemoCamera", "day_obs": 20260301}]}


@pytest.mark.long
def test_a_metric_can_be_told_how_many_inputs_it_needs_at_least(run_pipeline: Any) -> None:
    before = run_pipeline({"ending": total_of_endings()["ending"]})
    unaware = run_pipeline({"total": task("TotalTask", partialInput="refuse")}, inputs=before.run)
    [total] = unaware.measurements("metricvalue_ended_total").values()
    assert total.count == 5  # nobody predicted the others
    needing = {"python": "config.minimumInputs = {'before': 6}"}
    total_task = {"class": f"{__name__}.TotalTask", "config": [needing]}
    needy = run_pipeline({"total": total_task, "following": task("FollowingTask")}, inputs=before.run)
    assert needy.counts("following") == {"successful": 5}
    assert "total" not in needy.report


def test_an_input_that_does_not_exist_cannot_be_needed() -> None:
    config = TotalConfig()
    config.minimumInputs = {"befor": 6}
    with pytest.raises(SettingsError, match=r"'befor', which is no input\. Did you mean before\?"):
        config.connections.ConnectionsClass(config=config)


@pytest.mark.parametrize("off", ["ending", "pair"])
def test_a_metric_is_switched_off_by_one_line_and_its_inputs_are_not_searched_for(
    off: str, run_pipeline: Any
) -> None:
    tasks = {"ending": task("EndingTask"), "pair": task("PairTask")}
    for entry in tasks.values():
        if entry is tasks[off]:
            entry["config"]["connections.catalogs"] = "a_dataset_type_that_nobody_has"
    piped = run_pipeline(tasks, "-c", f"{off}:enabled=False")
    assert piped.status == 0
    assert piped.report.keys() == tasks.keys() - {off}


def test_one_of_several_metrics_is_switched_off_by_one_line(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {"pair": task("PairTask")}, "-c", "pair:skip=['worse']", where="visit = 2026030100001"
    )
    [summary] = piped.report["pair"]["exceptions"]["gnomon.errors.MetricComputationError"]
    assert summary["exception"]["metadata"] == {"bad": "It is bad."}
