"""The frame of the dashboard: which runs are looked at, which question is asked of them, and what goes on in the background."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import pyarrow as pa
import streamlit as st

from dashboard import look, shelf
from dashboard.background import AWAITED, SHOW, first_view, jobs, next_shown
from dashboard.jobs import Job
from dashboard.pages import ANSWER, WHAT_IF, offered, page
from dashboard.shown import Shown
from experiments.errors import CoflexError
from experiments.results.schema import ResultsError

_CHOSEN, _OPENED, _PAGE, _GONE = "runs", "opened", "page", "gone"


def show() -> None:
    """One view of the dashboard."""
    st.set_page_config(
        "coflex", page_icon=":material/bolt:", layout="wide", initial_sidebar_state="auto"
    )  # on a phone it would cover the page
    st.html(look.CSS)
    folder = shelf.given_folder()
    shown = _sidebar(folder)
    if st.session_state.get("go_to"):
        st.session_state[_PAGE] = st.session_state.pop("go_to")
    now = st.session_state.get(_PAGE) or st.query_params.get(_PAGE)
    name = st.segmented_control(
        "Question", offered(shown, now), default=WHAT_IF, required=True, key=_PAGE, label_visibility="collapsed",
        bind="query-params",
    )  # fmt: skip
    if gone := st.session_state.pop(_GONE, []):
        st.warning(f"{', '.join(gone)}: no such run in {folder} any more; it was deleted, moved or renamed.")
    if shown or name in (WHAT_IF, None):
        _page(name or WHAT_IF, shown)
    else:
        st.info("Choose a run at the left, or make one under What if.")
    first_view.set()


def _page(name: str, shown: list[Shown]) -> None:
    """A page, or what it stumbled upon: a table that is damaged, gone, or written by another version."""
    try:
        page(name)(shown)
    except (ResultsError, pa.ArrowException, FileNotFoundError) as error:
        st.error(
            f"This page cannot be shown. {error}\n\nRun the scenario again to look at it; other pages and runs may still be whole."
        )


def _sidebar(folder: Path) -> list[Shown]:
    with st.sidebar:
        st.html('<div class="cf-brand">coflex</div>')
        entries = {str(entry.path): entry for entry in shelf.entries(folder)}
        for path in st.session_state.get(_OPENED, []):
            entries.setdefault(path, shelf.Entry(Path(path)))
        _settle_choice(entries)
        chosen = st.multiselect(
            f"Runs to look at, up to {shelf.MOST_COMPARED}",
            list(entries),
            format_func=lambda path: entries[path].name if path in entries else Path(path).name,
            key=_CHOSEN,
            max_selections=shelf.MOST_COMPARED,
            placeholder="choose runs" if entries else "no run yet",
            bind="query-params",
        )
        shown = _opened(chosen)
        for one in shown:
            st.html(
                look.run_head(one.name, one.colour, f"seed {one.run.meta['seed']}")
                + f'<div class="cf-soft">{escape(one.title)}</div>'
            )
        _open_other()
        _going()
    return shown


def _settle_choice(entries: dict[str, shelf.Entry]) -> None:
    """The latest run at first; those that are to be shown next; never one that is gone, which is said."""
    if "begun" not in st.session_state:
        st.session_state["begun"], names = True, {entry.name for entry in entries.values()}
        st.session_state[_GONE] = [name for name in st.query_params.get_all(_CHOSEN) if name not in names]
    wanted = st.session_state.pop(SHOW, None)
    if _CHOSEN not in st.session_state:
        good = [path for path, entry in entries.items() if not entry.problem]
        st.session_state[_CHOSEN] = good[:1]
    before = wanted or st.session_state[_CHOSEN]
    now = [path for path in before if path in entries]
    if len(now) < len(before):
        st.session_state[_GONE] = [Path(path).name for path in before if path not in entries]
    if now != st.session_state[_CHOSEN]:
        st.session_state[_CHOSEN] = now


def _opened(paths: Sequence[str]) -> list[Shown]:
    found = []
    for number, path in enumerate(paths):
        try:
            found.append(Shown(Path(path).name, look.RUN_COLOURS[number], shelf.opened(Path(path))))
        except ResultsError as error:
            st.error(str(error))
    return found


def _open_other() -> None:
    with st.expander("Open a run folder"):
        path = st.text_input("Path of the folder", key="other_folder", placeholder="runs/district-day-1-1")
        if st.button("Open", key="open_other") and path.strip():
            try:
                shelf.opened(Path(path.strip()).expanduser())
            except (CoflexError, ResultsError) as error:
                st.error(str(error))
            else:
                known = str(Path(path.strip()).expanduser().absolute())
                st.session_state.setdefault(_OPENED, []).append(known)
                st.session_state[SHOW] = [*st.session_state.get(_CHOSEN, []), known][-shelf.MOST_COMPARED :]
                st.rerun()


def _going() -> None:
    """Runs in the background; asked again every second while there are any."""
    if jobs().going:
        _watched()
    elif jobs().all:
        _listed()


@st.fragment(run_every=1.0)
def _watched() -> None:
    _listed()
    if not jobs().going:
        st.rerun()


def _listed() -> None:
    st.html("<h3>Runs in the background</h3>")
    for number, job in enumerate(list(jobs().all)):
        _job(number, job)


def _job(number: int, job: Job) -> None:
    if job.is_going:
        told = job.progress()
        st.progress(told.share, f"**{job.label}**: {told.stage}, {told.elapsed_s:.0f} s")
        if st.button("Cancel", key=f"cancel-{number}-{job.label}"):
            job.cancel()
            st.rerun()
        return
    if job.succeeded:
        _welcome(job)
    for problem in job.errors():
        st.error(problem)
    text = "done" if job.succeeded else "cancelled, nothing was written" if job.cancelled else "could not be run"
    words, show, forget = st.columns([4, 1, 1], vertical_alignment="center")
    words.html(f"<b>{escape(job.label)}</b>: {text}")
    hidden = job.folder.is_dir() and str(job.folder) not in st.session_state.get(_CHOSEN, [])
    if hidden and show.button(
        "", key=f"show-{number}-{job.label}", icon=":material/visibility:", help="look at it", type="tertiary"
    ):
        _look_at(str(job.folder))
        st.rerun()
    if forget.button(
        "", key=f"forget-{number}-{job.label}", icon=":material/close:", help="take off the list", type="tertiary"
    ):
        jobs().forget(job)
        st.rerun()


def _welcome(job: Job) -> None:
    """Look at a run as soon as it has ended, once, where it was started; whoever reads another page is left in peace."""
    awaited: dict[str, str] = st.session_state.get(AWAITED, {})
    ended, seen = str(job.folder), st.session_state.setdefault("seen", set())
    if ended not in awaited or ended in seen or not job.folder.is_dir():
        return
    seen.add(ended)
    now = st.session_state.get(_PAGE)
    if now not in (None, WHAT_IF, ANSWER):
        return
    shown = _look_at(ended)
    if now != ANSWER and (
        ended not in awaited.values() or len(shown) > 1
    ):  # the unchanged scenario alone answers nothing
        st.session_state["go_to"] = ANSWER
    st.rerun()


def _look_at(ended: str) -> list[str]:
    """Show a run that has ended, beside the unchanged scenario it came from; returns what is shown."""
    awaited: dict[str, str] = st.session_state.get(AWAITED, {})
    shown = next_shown(ended, st.session_state.get(_CHOSEN, []), awaited, shelf.MOST_COMPARED)
    shown = [path for path in shown if Path(path).is_dir()]
    st.session_state[SHOW] = shown
    return shown
