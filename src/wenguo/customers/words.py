"""What a name is found by: any piece of it, its pinyin, its initials; as a PostgreSQL text vector with prefix matching.

Every ending of the name is kept, so a piece from the middle is the beginning of one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func, Lookup, TextField, Value

from wenguo.text import pinyin
from wenguo.text.normal import normalise

PIECE = 16  # letters of one piece; longer searches are compared by their first so many


def words_of(name: str) -> list[str]:
    """The pieces and spoken forms of a name, each once, in order."""
    folded = "".join(c for c in normalise(name) if c.isalnum())
    pieces = [folded[start : start + PIECE] for start in range(len(folded))]
    return sorted({*pieces, *(form[: PIECE * 2] for form in pinyin.forms(name) if form)})


def as_vector(words: Sequence[str]) -> Func:
    """The words as a value for a `SearchVectorField`, without a parser between."""
    array = Value(list(words), output_field=ArrayField(TextField()))
    return Func(array, function="array_to_tsvector", template="%(function)s(%(expressions)s::text[])")


def as_text(words: Sequence[str]) -> str:
    """The same vector as text, the way PostgreSQL writes it."""
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


def as_query(q: str) -> str:
    """A tsquery in which every word of `q` begins a word of the name; empty if `q` is too little to search by."""
    parts = ["".join(c for c in part if c.isalnum()) for part in normalise(q).split()]
    parts = [part[:PIECE] if not part.isascii() else part[: PIECE * 2] for part in parts if part]
    if not parts or (len(parts) == 1 and len(parts[0]) == 1 and parts[0].isascii()):
        return ""
    return " & ".join(f"'{part}':*" for part in parts)


@SearchVectorField.register_lookup
class Has(Lookup):
    """`words__has=as_query(…)`: matches a query as it stands, without a parser between."""

    lookup_name = "has"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        left, left_params = self.process_lhs(compiler, connection)
        return f"{left} @@ %s::tsquery", [*left_params, self.rhs]
