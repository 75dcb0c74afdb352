"""The demonstration: one night of real observations, taken the whole way of the data."""
