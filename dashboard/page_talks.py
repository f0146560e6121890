"""Conversations: who told whom what, as a sequence diagram and message by message."""

import re
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import charts, look
from dashboard.cases import case_name
from dashboard.reading import has, rows, write
from dashboard.shelf import opened
from dashboard.shown import Shown
from dashboard.standing import coflex
from experiments.results import RUN_FILE, Run

if TYPE_CHECKING:
    import pandas as pd

_MOST = 500
_WIDEST = 1150


def show(shown: Sequence[Shown]) -> None:
    """One conversation of one run."""
    there = [one for one in shown if has(one.run, "conversations")]
    if not there:
        charts.nothing("Nobody talked in these runs.")
        return
    one = there[0]
    if len(there) > 1:
        name = st.radio("Run", [each.name for each in there], horizontal=True, key="talk_run", persist_state="session")
        one = next(each for each in there if each.name == name)
    talk = _choose(one)
    if talk is None:
        return
    told = rows(one.run, "select * from {conversations} where conversation = ?", [talk]).iloc[0]
    ended = "" if told["reason"] is None else f": {told['reason']}"
    st.html(
        look.soft(
            f"{case_name(str(told['suc']))}; opened by {told['opener']} at {one.run.local(int(told['opened_ms'])):%a %d %b %H:%M:%S}; {told['outcome']}{ended}."
        )
    )
    picture, problem = diagram(str(one.run.path), str(one.run.meta.get("digest")), str(told["suc"]), talk)
    if problem:
        st.error(problem)
    else:
        with st.container(key="diagram"):  # on narrow pages it is moved, not made illegible
            st.image(picture, width=_width(picture))
        st.download_button(
            "Download the diagram (SVG)",
            picture,
            "conversation.svg",
            "image/svg+xml",
            on_click="ignore",
            key="get_diagram",
        )
    st.header("Message by message")
    _messages(one, talk)


def _choose(one: Shown) -> str | None:
    """A use case, then one of its conversations; those that went wrong can be looked at alone."""
    counts = rows(
        one.run,
        "select suc, count(*) n, count(*) filter (outcome <> 'completed') bad from {conversations} group by 1 order by 1",
    )
    told = {str(suc): (int(n), int(bad)) for suc, n, bad in counts.itertuples(index=False)}

    def name(suc: str) -> str:
        number, bad = told[suc]
        return f"{suc}  ({number}{f', {bad} not completed' if bad else ''})  {case_name(suc).removeprefix(suc).strip()}"

    left, right = st.columns([5, 5], gap="medium")
    usual = list(told).index("SUC06.2") if "SUC06.2" in told else 0
    suc = left.selectbox(
        "Use case", list(told), usual, format_func=name, key=f"suc-{one.name}", persist_state="session"
    )
    only = told[suc][1] > 0 and left.toggle(
        "Only those that were not completed", key="only_bad", persist_state="session"
    )
    query = "select conversation, outcome, opened_ms from {conversations} where suc = ? and (not ? or outcome <> 'completed') "
    frame = rows(one.run, f"{query} order by opened_ms, conversation limit {_MOST}", [suc, bool(only)])
    columns = (frame[name].tolist() for name in ("conversation", "outcome", "opened_ms"))
    texts = {
        str(talk): f"{one.run.local(opened_ms):%d %b %H:%M}  {outcome}  {_short(str(talk))}"
        for talk, outcome, opened_ms in zip(*columns, strict=True)
    }
    chosen = right.selectbox(
        "Conversation",
        list(texts),
        format_func=texts.__getitem__,
        key=f"talk-{one.name}-{suc}",
        persist_state="session",
    )
    return None if chosen is None else str(chosen)


def _short(talk: str) -> str:
    """What tells a conversation apart: its name without the use case, whoever opened it once, without the day that is said before it."""
    parts = re.sub(r"^SUC[^:]*:", "", talk).split(":")
    whole = re.sub(r"^([^:]+):\1(?=[:/]|$)", r"\1", ":".join(dict.fromkeys(parts)))
    return re.sub(r"/?\d{4}-\d{2}-\d{2}(/|$)", r"\1", whole).strip(":/") or talk


@st.cache_data(max_entries=64, show_spinner="Drawing the conversation")
def diagram(folder: str, digest: str, suc: str, conversation: str) -> tuple[str, str]:
    """The sequence diagram as an SVG document, and what is wrong when there is none; by ``coflex diagram``."""
    del digest
    with TemporaryDirectory(prefix="coflex-diagram-") as apart:
        small, file = Path(apart) / "run", Path(apart) / "conversation.svg"
        excerpt(opened(Path(folder)), conversation, small)
        code, _, err = coflex(["diagram", str(small), suc, "--conversation", conversation, "--out", str(file)])
        if code or not file.is_file():
            return "", err.strip().removeprefix("error: ") or "the conversation could not be drawn"
        text = file.read_text("utf-8")
        return text[text.index("<svg") :], ""


def excerpt(run: Run, conversation: str, folder: Path) -> None:
    """A run folder that holds one conversation alone, since whoever draws it reads the whole journal."""
    folder.mkdir()
    for table in ("messages", "acts", "conversations"):
        if table in run.tables:
            write(run, f"select * from {{{table}}} where conversation = ?", [conversation], folder / f"{table}.parquet")
    for name in (RUN_FILE, "addresses.parquet"):
        copyfile(run.path / name, folder / name)


def _width(picture: str) -> int:
    """Width of an SVG document on the page [px]: its own, up to what a page has."""
    found = re.search(r'<svg[^>]*?width="([\d.]+)pt"', picture)
    return min(round(float(found[1]) * 4 / 3), _WIDEST) if found else _WIDEST


def _messages(one: Shown, talk: str) -> None:
    frame = messages(one, talk)
    if frame.empty:
        charts.nothing("It has no messages of its own.")
        return
    st.dataframe(
        frame, hide_index=True, key="messages", height=min(560, 40 + 35 * len(frame)),
        column_config={"sent": st.column_config.DatetimeColumn(format="ddd HH:mm:ss.SSS")},
    )  # fmt: skip
    if len(frame) == _MOST:
        charts.nothing(f"The first {_MOST}; Files has all of them.")


def messages(one: Shown, talk: str) -> "pd.DataFrame":
    """The messages of a conversation in the order of sending."""
    frame = rows(
        one.run,
        f"""select sent_ms, record, sender, receiver, (delivered_ms - sent_ms) / 1000.0 "took (s)", attempts, status, reason
        from {{messages}} where conversation = ? order by sent_ms, row limit {_MOST}""",
        [talk],
    )
    return frame.assign(sent=charts.clock(one.run, frame["sent_ms"]), reason=frame["reason"].fillna(""))[
        ["sent", "record", "sender", "receiver", "took (s)", "attempts", "status", "reason"]
    ]
