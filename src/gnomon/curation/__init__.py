"""Where marks, metrics and repository meet: rules that turn metrics into flags, graphs without bad data.

===================== =============================================================
``rules``             from metrics to flags
``inheritance``       which flags things have from others; ``marked_lineage`` what was said on the way
``exclusions``        what is left out, and why
``graphs``            quantum graphs without it; ``data_queries`` the same as a condition
``good_collections``  tagged collections without it, and the record of what entered and left
``querying``          datasets and records without it, in a notebook
``marking``           marking what a query of a repository finds; ``said`` what was said of it
``standing_queries``  flags on conditions, spread over what fulfils them now
``orphans``           annotations of datasets that are gone; ``transferring`` along with those that move
``watching``          pending observations, resolved as soon as a registry knows them
``selecting``         what is asked of a repository; ``things`` what a question finds
===================== =============================================================
"""
