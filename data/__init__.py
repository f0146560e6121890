"""Facts of coflex as files, the one loader of them, and the kinds of arrays they become. No logic lives here.

Every file that comes from others has a note beside it, ``<file>.license``: SPDX identifier, copyright, source, version,
what was changed, and the sentence that a result made with it must carry. The licence of the code does not extend to them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parent
_NOTICE_TAG = "Notice:"


class Columns(NamedTuple):
    """Columns of a Parquet file by name, each of shape (rows,), and its metadata (step, first instant, source, ...)."""

    values: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def path(*parts: str) -> Path:
    """The file or folder ``data/<parts>``, in a checkout as in an installed package.

    Raises:
        FileNotFoundError: names what is missing and what its folder holds.
    """
    found = _ROOT.joinpath(*parts)
    if not found.exists():
        there = sorted(item.name for item in found.parent.iterdir()) if found.parent.is_dir() else []
        wanted, folder = "/".join(parts), "/".join(parts[:-1])
        message = f"data/{wanted} does not exist; data/{folder} holds {', '.join(there) or 'nothing'}"
        raise FileNotFoundError(message)
    return found


def read_yaml(*parts: str) -> Any:
    """The content of the YAML file ``data/<parts>``."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path(*parts).read_text(encoding="utf-8"), Loader=loader)


def read_parquet_columns(name: str, columns: Iterable[str] | None = None) -> Columns:
    """Columns of the Parquet file ``data/<name>``, all or the named ones, in physical units.

    A column stored as integers with a ``scale`` in its field metadata comes back as float64 multiplied by that scale.
    """
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path(*name.split("/")))
    table = file.read(columns=None if columns is None else list(columns))
    values = {field.name: _physical(table.column(field.name), field.metadata or {}) for field in table.schema}
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return Columns(values, {key: value for key, value in metadata.items() if not key.startswith("ARROW:")})


def column_names(name: str) -> tuple[str, ...]:
    """The column names of the Parquet file ``data/<name>``, without reading its rows."""
    import pyarrow.parquet as parquet

    return tuple(parquet.read_schema(path(*name.split("/"))).names)


def notices(names: Iterable[str]) -> list[str]:
    """The sentences that results made with the files ``data/<name>`` must carry, once each, in order of name."""
    texts = {_notice(path(*f"{name}.license".split("/"))): None for name in sorted(set(names))}
    return list(texts)


def _notice(note: Path) -> str:
    text = note.read_text(encoding="utf-8")
    _, tag, sentence = text.partition(_NOTICE_TAG)
    return " ".join((sentence if tag else text).split())


def _physical(column: Any, metadata: dict[bytes, bytes]) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy()
    scale = metadata.get(b"scale")
    return values if scale is None else values / (1.0 / float(scale))
