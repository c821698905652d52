"""`maildesk preview`: a letter with sample values as a person would see it. Reads templates, sends nothing."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from maildesk.errors import BadUsage
from maildesk.mail.compose import Outgoing, compose
from maildesk.render import LETTERS, TO_CUSTOMERS, Renderer
from maildesk.samples import sample

_AT = datetime(2026, 11, 22, 17, 5, 1, tzinfo=UTC)


def preview(
    letter: str,
    language: str,
    folders: tuple[Path, ...],
    *,
    desk_name: str = "Example Support",
    mailbox_address: str = "support@example.com",
    form: Literal["text", "html", "eml"] = "text",
    zone: tzinfo = UTC,
) -> str:
    """The letter for reading ("text"), as its page ("html"), or as the whole mail ("eml", CRLF).

    Raises BadUsage, with the names there are, for a letter or language without templates.
    """
    renderer = Renderer(folders, zone)
    if letter not in LETTERS:
        raise BadUsage(f"there is no letter {letter!r}; the letters are {', '.join(LETTERS)}")
    if language not in renderer.languages():
        raise BadUsage(f"there are no templates for {language!r}; the languages are {', '.join(renderer.languages())}")
    view = sample(letter, language, desk=desk_name, mailbox_address=mailbox_address)
    rendered = renderer.render_strictly(letter, view)
    recipient = view.recipient if letter in TO_CUSTOMERS else "ana@example.com"
    if form == "html":
        return rendered.html
    name = _from_name(letter, view.agent, view.author.name, desk_name)
    if form == "text":
        head = f"From: {name} <{mailbox_address}>\nTo: {recipient}\nSubject: {rendered.subject}\n"
        return f"{head}\n{rendered.text}"
    answer = letter == "answer"
    return compose(
        Outgoing(
            from_name=name,
            from_address=mailbox_address,
            to=recipient,
            subject=rendered.subject,
            message_id="<preview@maildesk.invalid>",
            date=_AT,
            text=rendered.text,
            html=rendered.html,
            desk_id="preview.invalid",
            auto_submitted=None if answer else "auto-replied" if letter in TO_CUSTOMERS else "auto-generated",
            content_language=language,
            thread_topic=view.subject if letter not in ("confirmation-unproved", "confirmation-for") else "",
        )
    ).decode()


def _from_name(letter: str, agent: str, author: str, desk: str) -> str:
    match LETTERS[letter]:
        case "answer":
            return f"{agent} ({desk})"
        case "notice":
            return f"{author} via {desk}"
        case _:
            return desk
