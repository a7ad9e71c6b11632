"""The standard pack, and files of it to spoil."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from wenguo.policy import loading
from wenguo.policy.schema import Pack


@pytest.fixture(scope="session")
def pack() -> Pack:
    return loading.standard()


@pytest.fixture
def spoiled() -> Callable[..., list[str]]:
    """Replace a text in one of the standard files; the problems that are then reported, as lines."""

    def spoil(name: str, old: str, new: str, count: int = 1) -> list[str]:
        files = {f.name: f.read_text() for f in sorted(loading.STANDARD.glob("*.yaml"))}
        assert old in files[name], f"{old!r} is no longer in {name}"
        files[name] = files[name].replace(old, new, count)
        with pytest.raises(loading.PackInvalid) as caught:
            loading.read(files)
        return [str(problem) for problem in caught.value.problems]

    return spoil


@pytest.fixture(autouse=True)
def fresh_calendars() -> Iterator[None]:
    from wenguo.policy import versions

    versions.forget()
    yield
    versions.forget()
