"""What a customer holds in hand: a receipt that anyone can check, with us or without us (docs/receipt.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from wenguo.errors import Invalid, NotNow
from wenguo.spoken import counted

from .canonical import moment
from .merkle import climb, leaf, leaves_of, path_of, stream_text
from .models import Leaf, Root, Stream
from .verification import Verdict, verify

DEEPEST = 64  # longer paths cannot be


def receipt(stream: Stream) -> dict[str, Any]:
    """The receipt under the newest root that covers the stream, ready for JSON. NotNow until a root does.

    {"kind": "case", "number": ref, "seq": int, "head": hex, "root": hex, "root_at": "…Z", "path": [["L"|"R", hex], …]}
    Source: PO-2.
    """
    newest = Leaf.objects.filter(stream=stream).select_related("root").order_by("-seq").first()
    if newest is None:
        raise NotNow(_("回执稍后生成：该记录尚未存证"))
    path = path_of(leaves_of(newest.root), newest.position)
    return {
        "kind": stream.kind,
        "number": stream.ref,
        "seq": newest.seq,
        "head": bytes(newest.head).hex(),
        "root": bytes(newest.root.root).hex(),
        "root_at": moment(newest.root.at),
        "path": [[side, sibling.hex()] for side, sibling in path],
    }


def check_receipt(given: Mapping[str, Any]) -> Verdict:
    """Whether what the receipt vouches for still stands. `given` may come from anywhere; Invalid if it is no receipt.

    Not ok: the receipt is forged, or our record was changed since. `grown`: events added since it was issued.
    """
    kind, number, seq, head, root, path = _read(given)
    if climb(leaf(stream_text(f"{kind}:{number}", seq, head)), path) != root:
        return Verdict(False, 0, None, _("回执自身不一致：编号、序号或指纹被改动过"))
    stored = Root.objects.filter(root=root).first()
    if stored is None:
        return Verdict(False, 0, None, _("没有这样的存证根：回执不是由本系统出具的，或存证被改动过"))
    if moment(stored.at) != given["root_at"]:
        return Verdict(False, 0, None, _("回执上的存证时间与登记不符"))
    stream = Stream.objects.filter(kind=kind, ref=number).first()
    if stream is None:
        return Verdict(False, 0, None, _("该编号的记录已不存在"))
    sealed = stream.leaf_set.filter(root=stored, seq=seq, head=head).exists()
    verdict = verify(stream)
    if not verdict.ok:
        return Verdict(False, verdict.events, verdict.first_broken, _("出具回执后记录被改动：") + verdict.why)
    if not sealed or not stream.events.filter(seq=seq, hash=head).exists():
        return Verdict(
            False, verdict.events, seq, _("出具回执后记录被改动：第 {seq} 条已不是当时的内容").format(seq=seq)
        )
    grown = verdict.events - seq
    why = _("回执有效，记录未被改动") if not grown else counted("回执有效，记录未被改动，其后新增 {n} 条", grown)
    return Verdict(True, verdict.events, None, why, grown)


def _read(given: Mapping[str, Any]) -> tuple[str, str, int, bytes, bytes, list[tuple[str, bytes]]]:
    """The parts of a receipt, each of the shape it must have."""
    try:
        kind, number, seq, path = given["kind"], given["number"], given["seq"], given["path"]
        texts = [kind, number, given["root_at"]]
        if not all(isinstance(text, str) and 0 < len(text) <= 100 and text.isprintable() for text in texts):
            raise ValueError
        if type(seq) is not int or not 0 < seq < 2**53 or not isinstance(path, list) or len(path) > DEEPEST:
            raise ValueError
        steps = [(side, _hash(sibling)) for side, sibling in path]
        if not all(side in ("L", "R") for side, _sibling in steps):
            raise ValueError
        return kind, number, seq, _hash(given["head"]), _hash(given["root"]), steps
    except (KeyError, TypeError, ValueError):
        raise Invalid(_("这不是一份完整的回执，请原样粘贴或上传收到的回执")) from None


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 64:
        raise ValueError
    return bytes.fromhex(text)
