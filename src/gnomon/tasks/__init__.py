"""Pipeline tasks that measure: connections, configuration and a call into `gnomon.algorithms`."""
