"""The metrics store: append measurements, ask for them.

`open_store` gives a `Store`; `Store.append` takes tables in the schema of `gnomon.measurements.rows`;
`Store.load` gives a `Result` that turns into Arrow, Polars, pandas or astropy tables. `Store.correlate` sets
measurements beside a time series and gives a `Correlation`.
"""

from gnomon.store.correlation import Correlation
from gnomon.store.result import Result
from gnomon.store.search_path import Chain, Tagged
from gnomon.store.store import AppendResult, Store, open_store

__all__ = ["AppendResult", "Chain", "Correlation", "Result", "Store", "Tagged", "open_store"]
