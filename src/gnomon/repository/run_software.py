"""What software computed the datasets of a run."""

from collections.abc import Iterable, Mapping

from lsst.daf.butler import Butler, DatasetRef

from gnomon.releases import release_tags

__all__ = ["RunSoftware", "software_of"]

_PACKAGES = "packages"
_DISTRIBUTION, _MIDDLEWARE, _OURS = "lsst_distrib", "pipe_base", "gnomon"
_PICKLES = (".pickle", ".pkl")


def software_of(packages: Mapping[str, str]) -> str | None:
    """Say in a few words which software a list of packages is.

    Parameters
    ----------
    packages
        Versions by name of package.

    Returns
    -------
    str or None
        The distribution of the established pipelines, with the tag of its release if it has one and else its
        version, and the version of gnomon: ``lsst_distrib w_2025_10, gnomon 1.0``; what is not there is left
        out. Without either, the version of the middleware: ``pipe_base 30.2026.4300``. `None` if nothing of
        that is known.

    Examples
    --------
    >>> software_of({"lsst_distrib": "g4bb8b1bd21 (w_2025_10)", "gnomon": "1.0", "numpy": "2.0"})
    'lsst_distrib w_2025_10, gnomon 1.0'
    """
    found = [name for name in (_DISTRIBUTION, _OURS) if packages.get(name)]
    if not found and packages.get(_MIDDLEWARE):
        found = [_MIDDLEWARE]
    return ", ".join(f"{name} {_version(str(packages[name]))}" for name in found) or None


def _version(text: str) -> str:
    tags = release_tags(text)
    return tags[0] if tags else text.split(maxsplit=1)[0]


class RunSoftware:
    """What software computed the datasets of runs, as their ``packages`` dataset has it; each is read once.

    Parameters
    ----------
    butler
        The repository's client.
    """

    def __init__(self, butler: Butler) -> None:
        self._butler = butler
        self._known: dict[str, str | None] = {}

    def of(self, runs: Iterable[str]) -> dict[str, str | None]:
        """Say which software computed the datasets of runs.

        Parameters
        ----------
        runs
            Names of RUN collections that exist.

        Returns
        -------
        dict
            As `software_of` for each run, and for others that were asked for before; `None` where there is
            no such dataset, or none that can be read without running what somebody put into it, as that of a
            pickle would be.
        """
        if new := [run for run in runs if run not in self._known]:
            self._known.update(dict.fromkeys(new))
            if any(self._butler.registry.queryDatasetTypes(_PACKAGES)):
                for ref in self._butler.query_datasets(
                    _PACKAGES, new, find_first=False, limit=None, explain=False
                ):
                    self._known[ref.run] = self._read(ref)
        return self._known

    def _read(self, ref: DatasetRef) -> str | None:
        try:
            if self._butler.getURI(ref).getExtension() in _PICKLES:
                return None
            return software_of(self._butler.get(ref))
        except Exception:  # a file that is gone or broken: how, is the formatter's and the store's affair
            return None
