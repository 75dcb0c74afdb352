"""Rules: which condition over which metrics makes a bot propose which flag.

=============== ==============================================================
``rule``        one rule, checked when it is made; ``parts`` what it is made of
``columns``     what a rule can speak of; ``wording`` its texts
``files``       rules from a file, mistakes with their lines
``measured``    from measurements to one row for each thing
``comparing``   trends and baselines; ``consecutive`` what has to hold for several observations
``evaluation``  from rows to proposals
``things``      what is marked, by the keys of the log
``changes``     what is said now beside what was said before
``running``     rules over a store, and what of it is recorded
``withdrawing`` the runs that were recorded, and taking one back
``examples``    the tests that travel with a rule
=============== ==============================================================

A datum goes from ``measured`` through ``evaluation`` and ``changes`` into ``running``, as a table all the
way; targets and assertions are made only of what has changed.
"""

from gnomon.curation.rules.evaluation import Proposal, Proposals, evaluate
from gnomon.curation.rules.examples import Failure, failing_examples
from gnomon.curation.rules.files import load_rules
from gnomon.curation.rules.parts import Baseline, Consecutive, Example, MetricUse, TrendRemoval
from gnomon.curation.rules.rule import Rule
from gnomon.curation.rules.running import RuleRun, preview_rules, run_rules
from gnomon.curation.rules.withdrawing import RecordedRun, recorded_runs, withdraw_runs

__all__ = [
    "Baseline",
    "Consecutive",
    "Example",
    "Failure",
    "MetricUse",
    "Proposal",
    "Proposals",
    "RecordedRun",
    "Rule",
    "RuleRun",
    "TrendRemoval",
    "evaluate",
    "failing_examples",
    "load_rules",
    "preview_rules",
    "recorded_runs",
    "run_rules",
    "withdraw_runs",
]
