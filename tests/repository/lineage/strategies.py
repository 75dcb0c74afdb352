"""Small lineages, with circles and repetitions and datasets of which little is known."""

import uuid

from hypothesis import strategies as st

from gnomon.repository.lineage import Dataset, Edge

IDS = [uuid.UUID(int=number) for number in range(1, 9)]
QUANTA = [uuid.UUID(int=number) for number in range(101, 104)]

edges = st.builds(
    Edge,
    child=st.sampled_from(IDS),
    parent=st.sampled_from(IDS),
    kind=st.sampled_from(["predicted", "read", "used"]),
    quantum=st.none() | st.sampled_from(QUANTA),
    task=st.none() | st.sampled_from(["isr", "coadd"]),
).filter(lambda edge: edge.child != edge.parent)

datasets = st.builds(
    Dataset,
    id=st.sampled_from(IDS),
    dataset_type=st.none() | st.sampled_from(["raw", "coadd"]),
    data_id=st.none()
    | st.sampled_from([{"instrument": "A", "visit": 1}, {"instrument": "A", "visit": 1, "band": "r"}]),
    run=st.none() | st.sampled_from(["a/run", "b/run"]),
)

batches = st.lists(
    st.tuples(
        st.lists(edges, max_size=8),
        st.lists(datasets, max_size=4),
        st.lists(st.sampled_from(IDS), max_size=2),
    ),
    max_size=4,
)
