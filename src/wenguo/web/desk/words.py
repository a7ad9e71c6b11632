"""The lists of words the program listens for: read, searched, tried on last month's complaints, changed in a draft of
the policy that a second person publishes. Source: TR-2, TR-3, TR-7, SY-7."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases.case import Case
from wenguo.errors import Invalid, NotFound, Refusal
from wenguo.insight import word_trial
from wenguo.insight.word_trial import HARMLESS, SIGNAL
from wenguo.policy import reading, versions
from wenguo.policy.schema import Pack
from wenguo.policy.told import told
from wenguo.policy.versions import PolicyVersion
from wenguo.text.normal import one_line
from wenguo.text.own import shipped
from wenguo.web.desk.common import me
from wenguo.web.doors import again, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

LONGEST = 30  # characters of a word
AT_ONCE = 200  # words added in one go
FOUND = 200  # words a search shows


@dataclass(frozen=True)
class Row:
    """A list of words: its name, what it is called, how many words it has, and how many of them are one's own."""

    name: str
    title: str
    words: int
    own: int
    gone: int


def standing_words(code: str) -> str:
    return {
        "said": _("算数"), "supposed": _("只是设想或担心"), "nearly": _("险些发生"), "denied": _("被否定"),
        "again": _("要求不再发生"), "quoted": _("是转述"),
    }[code]  # fmt: skip


def draft_of(person: Any) -> tuple[PolicyVersion, PolicyVersion | None]:
    """The version published last, and this person's own draft on it."""
    published = PolicyVersion.objects.published().defer("content").order_by("-published_at", "-number").first()
    if published is None:
        raise NotFound(_("还没有已生效的政策版本，请先安装标准政策包"))
    drafts = PolicyVersion.objects.defer("content").filter(state=PolicyVersion.State.DRAFT, drafted_by=person.pk)
    return published, drafts.filter(based_on=published).order_by("-number").first()


@desk(permission="policy.see")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The lists, one of them opened (`list`), a search (`q`), and what a `word` or the `draft` would have heard."""
    return page(request, "desk/policy/words.html", _context(request), here="policy")


def _context(request: HttpRequest) -> dict[str, Any]:
    at, person = timezone.now(), me(request)
    published, draft = draft_of(person)
    pack = (draft or published).pack
    lists = word_trial.lists_of(pack)
    given = Given(request.GET if request.method == "GET" else request.POST)
    name = given.raw("list") if given.raw("list") in lists else ""
    q, word = one_line(given.raw("q"), LONGEST), one_line(given.raw("word"), LONGEST)
    chosen = _opened(pack, name, lists) if name else None
    tried = _tried(request, pack, published, name, lists, word, whole=given.ticked("draft"), at=at)
    return {
        "published": published, "draft": draft, "groups": _groups(pack, lists), "name": name, "q": q, "word": word,
        "chosen": chosen, "found": _search(pack, lists, q) if q else None, "tried": tried, "at": at,
        "title_of": lambda name: _title(pack, name), "standing": standing_words,
        "category": lambda code: told(pack.category_title(code)) if pack.has_category(code) else _("看不出"),
        "level": lambda n: told(pack.level(n).title),
        "drafts": may(person, "policy.draft"), "samples": may(person, "case.see"),
        "changes": len(reading.difference(published.pack, pack)) if draft else 0,
        "limits": {
            "days": word_trial.DAYS, "read": word_trial.READ, "compared": word_trial.COMPARED,
            "seconds": round(word_trial.SECONDS),
        },
    }  # fmt: skip


def _title(pack: Pack, name: str) -> str:
    for prefix in (SIGNAL, HARMLESS):
        if name.startswith(prefix):
            code = name.removeprefix(prefix)
            title = next((told(s.title) for s in pack.severity.signals if s.code == code), code)
            return title if prefix == SIGNAL else _("{title}（不算数的说法）").format(title=title)
    return reading.list_title(pack, name)


def _groups(pack: Pack, lists: dict[str, tuple[str, ...]]) -> list[tuple[str, list[Row]]]:
    own = {part.list: part for part in pack.words}
    kinds: dict[str, list[Row]] = {"signal": [], "harmless": [], "felt": [], "cue": []}
    for name, words in lists.items():
        part = own.get(name)
        kind = name.partition(".")[0]
        row = Row(name, _title(pack, name), len(words), len(part.add) if part else 0, len(part.withdraw) if part else 0)
        kinds[kind if kind in kinds else "felt"].append(row)
    return [
        (_("等级的信号词"), kinds["signal"]),
        (_("情绪、威胁、迹象、诉求"), kinds["felt"]),
        (_("分类线索词"), kinds["cue"]),
        (_("不算数的说法"), kinds["harmless"]),
    ]


def _opened(pack: Pack, name: str, lists: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    part = next((p for p in pack.words if p.list == name), None)
    own = set(part.add) if part else set()
    return {
        "title": _title(pack, name),
        "words": [(word, word in own) for word in lists[name]],
        "gone": list(part.withdraw) if part else [],
        "in_policy": name.startswith((SIGNAL, HARMLESS)),
    }


def _search(pack: Pack, lists: dict[str, tuple[str, ...]], q: str) -> list[tuple[str, str, str]]:
    """(list, its title, word) of the words that hold `q`."""
    found = [(name, _title(pack, name), word) for name, words in lists.items() for word in words if q in word]
    return found[:FOUND]


def _tried(
    request: HttpRequest, pack: Pack, published: PolicyVersion, name: str, lists: dict[str, tuple[str, ...]], word: str,
    *, whole: bool, at: datetime,
) -> word_trial.Trial | None:  # fmt: skip
    person = me(request)
    sees = may(person, "case.see")
    cases = Case.objects.visible_to(person, at) if sees else Case.objects.all()  # figures only
    if whole:
        before = published.pack
        changed = [w for _list, w in word_trial.changed(before, pack)]
        return word_trial.trial(before, pack, changed, cases, at=at, samples=sees)
    if not word:
        return None
    if not name:
        return word_trial.trial(pack, pack, [word], cases, at=at, samples=sees)
    has = word in lists[name]
    other = Pack.model_validate(
        {**pack.model_dump(mode="json"), **sections(pack, name, [] if has else [word], [word] if has else [], [])}
    )
    return word_trial.trial(pack, other, [word], cases, at=at, samples=sees)


def sections(pack: Pack, name: str, add: list[str], drop: list[str], back: list[str]) -> dict[str, Any]:
    """The sections of the pack with these words added to a list, withdrawn from it, or no longer withdrawn."""
    if name.startswith((SIGNAL, HARMLESS)):
        prefix, key = (SIGNAL, "terms") if name.startswith(SIGNAL) else (HARMLESS, "unless")
        severity = pack.severity.model_dump(mode="json")
        for signal in severity["signals"]:
            if signal["code"] == name.removeprefix(prefix):
                signal[key] = [*(w for w in signal[key] if w not in drop), *(w for w in add if w not in signal[key])]
        return {"severity": severity}
    kept = {part.list: part for part in pack.words}
    old = kept.get(name)
    given = shipped().get(name, ())
    added = [w for w in (old.add if old else ()) if w not in drop]
    gone = [w for w in (old.withdraw if old else ()) if w not in back and w not in add]
    added += [w for w in add if w not in added and w not in given]
    gone += [w for w in drop if w in given and w not in gone]
    rest = [part.model_dump(mode="json") for part in pack.words if part.list != name]
    mine = [{"list": name, "add": added, "withdraw": gone}] if added or gone else []
    return {"words": sorted([*rest, *mine], key=lambda part: str(part["list"]))}


@desk(permission="policy.draft")
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Put the changes of one list into a draft of one's own."""
    at, person = timezone.now(), me(request)
    given = Given(request.POST)
    published, draft = draft_of(person)
    on = draft or published
    pack = on.pack
    lists = word_trial.lists_of(pack)
    name = given.raw("list")
    try:
        if name not in lists:
            raise NotFound(_("没有这个词表"))
        if given.raw("on") and given.raw("on") != str(on.number):
            raise Invalid(_("草稿其间有了变化，请核对后再保存"))
        add = _added(given)
        drop = [w for w in request.POST.getlist("drop") if w in lists[name]]
        back = [w for w in request.POST.getlist("back")]
        note = given.text("note", _("说明"), most=500, optional=True)
        given.check()
        if name.startswith(SIGNAL) and not (set(lists[name]) - set(drop)) | set(add):
            raise Invalid(_("每个信号至少要留一个词；整个信号不要了，请在政策文件里删去"))
        made = versions.revise(sections(pack, name, add, drop, back), on=on, by=person, at=at, note=note)
    except NotFound:
        raise
    except Refusal as refusal:
        return again(request, refusal, "desk/policy/words.html", _context(request), here="policy")
    said = (
        _("改动都撤回了，草稿已作废") if made.state == PolicyVersion.State.PUBLISHED
        else _("已存入草稿第 {n} 版，由另一人发布后生效").format(n=made.number)
    )  # fmt: skip
    return go(request, f"{url('desk:policy_words')}?list={name}", said)


def _added(given: Given) -> list[str]:
    """One word a line, or several with 、 or a comma between; each once."""
    written = given.raw("add")
    for mark in "、,，;；\t":
        written = written.replace(mark, "\n")
    words = list(dict.fromkeys(w for line in written.split("\n") if (w := one_line(line, 200))))
    if len(words) > AT_ONCE:
        given.refuse("add", _("一次最多加 {n} 个词").format(n=AT_ONCE))
    for word in words:
        if len(word) > LONGEST:
            given.refuse("add", _("“{word}”太长，一个词最多 {n} 字").format(word=word[:12] + "…", n=LONGEST))
        elif not any(c.isalnum() for c in word) or (len(word) == 1 and word.isascii()):
            given.refuse("add", _("“{word}”不像一个词：要有字，单个字母或数字会到处命中").format(word=word))
    return words
