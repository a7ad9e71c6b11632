"""The overview: what came in, whether promises were kept, where cases wait, what came of it. Source: AN-1 – AN-3.

One question a file; this one asks them all, and says the result in a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from wenguo.insight.results import Results, results
from wenguo.insight.satisfaction import Satisfaction, satisfaction
from wenguo.insight.sla import Kept, attainment, overall
from wenguo.insight.span import Span
from wenguo.insight.statistics import Share, ratio
from wenguo.insight.times import Times, response, solution
from wenguo.insight.volume import Volume, volume
from wenguo.insight.waiting import Wait, waiting
from wenguo.spoken import counted, counted_noop

FEW = 30  # below this many, a share is told with its count and no ranking is spoken of


@dataclass(frozen=True)
class Overview:
    volume: Volume
    kept: list[Kept]
    all_kept: Share
    response: Times
    solution: Times
    waiting: list[Wait]
    results: Results
    satisfaction: Satisfaction
    headline: str


def overview(span: Span) -> Overview:
    """Everything at once; a fixed number of queries, whatever there is."""
    came, kept, waits = volume(span), attainment(span), waiting(span)
    return Overview(
        volume=came,
        kept=kept,
        all_kept=overall(kept),
        response=response(span),
        solution=solution(span),
        waiting=waits,
        results=results(span),
        satisfaction=satisfaction(span),
        headline=headline(span.period.kind, came, overall(kept), waits),
    )


def headline(kind: str, came: Volume, kept: Share, waits: list[Wait]) -> str:
    """One sentence, with the uncertainty in it."""
    if not came.total and not kept.n:
        return _("这段时间没有接收投诉，也没有到期的时限。")
    parts = [_compared(came)]
    if came.total >= FEW and came.by_category and came.by_category[0].key:
        n = came.by_category[0].n
        most = [one.words for one in came.by_category if one.key and one.n == n]
        named = _("」和「").join(most)
        parts.append(counted("最多的是「{name}」，{n} 件，占 {share:.0%}", n, name=named, share=n / came.total))
    if (interval := kept.interval) is not None:
        words = counted_noop("到期的 {n} 项时限按时 {share:.0%}（95% 区间 {low:.0%}–{high:.0%}）")
        parts.append(counted(words, kept.n, share=kept.value or 0, low=interval[0], high=interval[1]))
    if waits:
        longest = max(waits, key=lambda w: w.share)
        parts.append(_("等待最久的环节是「{name}」，占全部等待的 {share:.0%}").format(
            name=longest.words, share=longest.share
        ))  # fmt: skip
    return _("；").join(parts) + _("。")


def _compared(came: Volume) -> str:
    total = _("接收 {n} 件").format(n=f"{came.total:,}")
    found = ratio(came.total, came.before)
    if found is None or min(came.total, came.before) < 10:
        return _("{total}，上一同长时段 {before} 件").format(total=total, before=came.before)
    change, low, high = (x - 1 for x in found)
    if low <= 0 <= high:
        return _("{total}，与上一同长时段（{before} 件）相比没有明显变化").format(
            total=total, before=f"{came.before:,}"
        )
    if change >= 1:
        return _("{total}，是上一同长时段（{before} 件）的 {times:.1f} 倍（95% 区间 {low:.1f}–{high:.1f}）").format(
            total=total, before=f"{came.before:,}", times=1 + change, low=1 + low, high=1 + high
        )
    if change > 0:
        return _("{total}，比上一同长时段多 {change:.0%}（95% 区间 {low:.0%}–{high:.0%}）").format(
            total=total, change=change, low=low, high=high
        )
    return _("{total}，比上一同长时段少 {change:.0%}（95% 区间 {low:.0%}–{high:.0%}）").format(
        total=total, change=-change, low=-high, high=-low
    )
