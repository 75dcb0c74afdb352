"""The metrics store: append measurements, ask for them, look after them.

`open_store` gives a `Store`; `Store.append` takes tables in the schema of `gnomon.measurements.rows`;
`Store.load` gives a `Result` that turns into Arrow, Polars, pandas or astropy tables. `Store.correlate` sets
measurements beside a time series and gives a `Correlation`. `init_store` brings a store that an earlier
version wrote into the present format.
"""

from gnomon.store.layout.search_path import Chain, Tagged
from gnomon.store.questions.correlation import Correlation
from gnomon.store.questions.result import Result
from gnomon.store.store import AppendResult, Store, open_store
from gnomon.store.upkeep.checking import Finding
from gnomon.store.upkeep.maintenance import Compaction
from gnomon.store.upkeep.migrations import Made, init_store
from gnomon.store.upkeep.status import Status, TableStatus
from gnomon.store.upkeep.vacuum import Vacuumed

__all__ = [
    "AppendResult",
    "Chain",
    "Compaction",
    "Correlation",
    "Finding",
    "Made",
    "Result",
    "Status",
    "Store",
    "TableStatus",
    "Tagged",
    "Vacuumed",
    "init_store",
    "open_store",
]
