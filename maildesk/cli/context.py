"""What every command gets: which configuration was asked for, and how answers are printed. Opens nothing by itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import click

from maildesk.cli.terminal import json_text
from maildesk.config import Config, find_config, load
from maildesk.errors import BadConfig, Problem


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command line. given: what stands behind --config."""

    given: str | None = None

    @property
    def path(self) -> Path:
        """The configuration's place. Raises BadConfig when none is named and none is there."""
        return find_config(self.given)

    @property
    def is_named(self) -> bool:
        """Whether somebody named a configuration, or one lies where it is looked for."""
        try:
            return bool(self.path)
        except BadConfig:
            return False

    def load(self, *, asks_languages: bool = False, looks_at_secrets: bool = True) -> Config:
        """The configuration; with asks_languages also its templates must be there. Raises BadConfig."""
        return load(self.path, spoken=spoken_languages if asks_languages else None, looks_at_secrets=looks_at_secrets)


def spoken_languages(templates: str) -> Collection[str]:
    """The languages in which every letter can be written, with the admin's folder of templates ("" for none)."""
    if templates and not Path(templates).is_dir():
        raise BadConfig(Problem("desk.templates", f'"{templates}" is no folder'))
    # Templates take Jinja2 to look at, which most commands can do without.
    from maildesk.render import Renderer, template_folders

    return Renderer(template_folders(templates or None)).languages()


def print_json(value: object) -> None:
    """The value for programs, on one line or several as `json` makes it."""
    click.echo(json_text(value, indent=1))
