"""``gnomon vocabulary`` and ``gnomon policy``: which flags there are, and who wins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gnomon.cli.annotations.opening import log_options, opened
from gnomon.cli.options import format_option, user_option
from gnomon.errors import VocabularyError, nearest

__all__ = ["policy", "vocabulary"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def vocabulary() -> None:
    """Look at the flags that there are, and lay down those of your site."""


@vocabulary.command(name="list")
@click.option("--virtual/--no-virtual", default=True, help="With those that follow from others.")
@log_options
@format_option
def list_vocabulary(virtual: bool, annotations: str | None, config: str | None, format_: str) -> None:
    """List all flags."""
    from gnomon.cli.rows import print_rows

    with opened(annotations, config) as log:
        known = log.vocabulary
    rows: list[dict[str, Any]] = [
        {
            "flag": flag.name,
            "severity": flag.severity,
            "set_means": flag.set_means,
            "version": flag.version,
            "aliases": list(flag.aliases),
            "scope": [*flag.instruments, *flag.targets],
            "vocabulary": flag.vocabulary,
            "description": f"No longer used: {flag.deprecated}" if flag.deprecated else flag.description,
        }
        for flag in known.flags.values()
    ]
    if virtual:
        rows += [
            {
                "flag": flag.name,
                "severity": flag.severity,
                "set_means": "virtual",
                "version": flag.version,
                "vocabulary": flag.vocabulary,
                "description": f"{flag.description} = {flag.expression}",
            }
            for flag in known.virtual.values()
        ]
    columns = (
        "flag", "severity", "set_means", "version", "aliases", "scope", "vocabulary", "description",
    )  # fmt: skip
    print_rows(rows, columns, format_)


@vocabulary.command(name="show")
@click.argument("name", metavar="FLAG|NAME@VERSION")
@log_options
def show_vocabulary(name: str, annotations: str | None, config: str | None) -> None:
    """Print one flag, or a whole vocabulary as it was laid down, in YAML."""
    with opened(annotations, config) as log:
        documents = log.vocabularies
        known = log.vocabulary
    if "@" in name:
        if name not in documents:
            raise VocabularyError(f"There is no vocabulary {name!r}.{nearest(name, documents)}")
        click.echo(_yaml(documents[name].document), nl=False)
        return
    flag = known.check_asked(name)
    document = documents[
        known.virtual[flag].vocabulary
        if flag in known.virtual
        else known.flags[flag].vocabulary
        if flag in known.flags
        else "standard@1"
    ].document
    entry = document.get("virtual", {}).get(flag) or document.get("flags", {}).get(flag)
    if entry is None:
        click.echo(f"{flag} is free: nobody laid down what it means.")
        return
    click.echo(_yaml({flag: entry}), nl=False)


@vocabulary.command(name="import")
@click.argument("file", type=_FILE)
@user_option
@log_options
def import_vocabulary(file: Path, user: str, annotations: str | None, config: str | None) -> None:
    """Lay down the vocabulary in FILE, for all who share the log."""
    from gnomon.annotations.vocabulary import load_vocabulary

    _lay_down(load_vocabulary(file), user, annotations, config)


@click.group()
def policy() -> None:
    """Look at the policies by which one of several words holds, and lay down those of your site."""


@policy.command(name="list")
@log_options
@format_option
def list_policies(annotations: str | None, config: str | None, format_: str) -> None:
    """List all policies."""
    from gnomon.cli.rows import print_rows

    with opened(annotations, config) as log:
        known = log.policies
    rows = [
        {
            "policy": policy.label,
            "vocabulary": policy.vocabulary,
            "programs": policy.programs,
            "authority": [", ".join(sorted(rule.persons)) for rule in policy.authority],
            "description": policy.description,
        }
        for _, policy in sorted(known.items())
    ]
    print_rows(rows, ("policy", "vocabulary", "programs", "authority", "description"), format_)


@policy.command(name="show")
@click.argument("label", metavar="NAME@VERSION")
@log_options
def show_policy(label: str, annotations: str | None, config: str | None) -> None:
    """Print a policy as it was laid down, in YAML."""
    from gnomon.errors import PolicyError

    with opened(annotations, config) as log:
        known = log.policies
    if label not in known:
        raise PolicyError(f"There is no policy {label!r}.{nearest(label, known)}")
    click.echo(_yaml(known[label].document), nl=False)


@policy.command(name="import")
@click.argument("file", type=_FILE)
@user_option
@log_options
def import_policy(file: Path, user: str, annotations: str | None, config: str | None) -> None:
    """Lay down the policy in FILE, for all who share the log."""
    from gnomon.annotations.policy import load_policy

    _lay_down(load_policy(file), user, annotations, config)


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    # An event keeps no order, and the name belongs at the top.
    first = ("vocabulary", "policy", "version", "description")
    ordered = {name: document[name] for name in first if name in document} | dict(document)
    return str(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True))


def _lay_down(document: Any, user: str, annotations: str | None, config: str | None) -> None:
    from gnomon import __version__
    from gnomon.annotations import Actor

    with opened(annotations, config) as log:
        actor = Actor(user, "human", agent="gnomon", agent_version=__version__)
        label = log.lay_down(document, actor=actor)
    click.echo(f"{label} is laid down.")
