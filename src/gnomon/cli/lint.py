"""``gnomon lint``: mistakes in definition packages."""

from pathlib import Path

import click

__all__ = ["lint"]


@click.command()
@click.argument("packages", metavar="PACKAGE...", nargs=-1)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "sarif", "github"]),
    default="table",
    show_default=True,
    help="How to print: for people, programs, code scanners, or as annotations of GitHub's workflows.",
)
@click.option("--disable", metavar="RULE", multiple=True, help="Do not look for this; can be given again.")
@click.option(
    "--metadata",
    metavar="KEY[,KEY...]",
    multiple=True,
    help="The metadata that your jobs carry, instead of what jobs usually do.",
)
@click.option(
    "--job",
    "jobs",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A job in JSON whose metadata are those that your jobs carry; can be given again.",
)
@click.option("--list-rules", is_flag=True, help="Print all rules, and look at nothing.")
@click.pass_context
def lint(
    ctx: click.Context,
    packages: tuple[str, ...],
    format_: str,
    disable: tuple[str, ...],
    metadata: tuple[str, ...],
    jobs: tuple[Path, ...],
    list_rules: bool,
) -> None:
    """Find mistakes in definition packages.

    A PACKAGE is its directory, a name NAME for which $NAME_DIR is set, or a file below its metrics/ or
    specs/, which stands for the whole. A comment "# gnomon-lint: disable=RULE" switches off what is found in
    its line.

    Exit status: 0 if there are no mistakes (notes do not count), 1 if there are, 2 if it cannot be said.
    """
    from gnomon.definitions.lint import FORMATS, RULES, job_metadata
    from gnomon.definitions.lint import lint as find_mistakes

    if list_rules:
        for rule in RULES.values():
            click.echo(f"{rule.id} ({rule.severity}): {rule.title}.")
        return
    if not packages:
        raise click.UsageError("Which PACKAGE? Give its directory, its name or one of its files.", ctx)
    known: set[str] | None = None
    if metadata or jobs:
        known = {key.strip() for keys in metadata for key in keys.split(",") if key.strip()}
        known.update(*(job_metadata(job) for job in jobs))
    report = find_mistakes(packages, metadata=known, disable=disable)
    click.echo(FORMATS[format_](report), nl=False)
    if report.failed:
        ctx.exit(1)
