"""The metrics store: append measurements, ask for them.

`open_store` gives a `Store`; `Store.append` takes tables in the schema of `gnomon.measurements.rows`;
`Store.load` gives a `Result` that turns into Arrow, Polars, pandas or astropy tables.
"""

from gnomon.store.result import Result
from gnomon.store.search_path import Chain, Tagged
from gnomon.store.store import AppendResult, Store, open_store

__all__ = ["AppendResult", "Chain", "Result", "Store", "Tagged", "open_store"]
