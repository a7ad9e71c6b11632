"""A complaint written on a phone: `python -m bench.portal_phone URL`, against a running portal.

Twice: on a fast line, and on a slow one (Chromium's emulation: 400 kbit/s both ways, 400 ms of latency, a processor
four times slower). The text is typed at three characters a second, with a pause before each field and step. Run it on
a company for trying things out: it leaves two complaints behind.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from playwright.sync_api import Page, sync_playwright

STORY = "昨晚在望湖星桥店买的空气净化器开机就冒烟，花了1299元，打售后电话一直没人接，要求退款。"
LETTER, FIELD, STEP = 333, 1500, 3000  # milliseconds a person takes
LINES = {"fast line": (0, 0, 1), "400 kbit/s, 400 ms, CPU / 4": (400, 400, 4)}


def slowed(page: Page, kbit: int, latency: int, slower: int) -> dict[str, int]:
    """Slow the line and the processor down; returns the bytes and requests counted from now on."""
    session: Any = page.context.new_cdp_session(page)
    count = {"bytes": 0, "requests": 0}

    def finished(event: dict[str, Any]) -> None:
        count["bytes"] += int(event["encodedDataLength"])
        count["requests"] += 1

    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    if kbit:
        speed = {"downloadThroughput": kbit * 125, "uploadThroughput": kbit * 125}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": latency, **speed})
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    return count


def types(page: Page, field: str, words: str) -> None:
    page.click(field)
    page.wait_for_timeout(FIELD)
    for letter in words:
        page.keyboard.insert_text(letter)
        page.wait_for_timeout(LETTER)


def complain(page: Page, url: str, count: dict[str, int], phone: str) -> str:
    """From the first page to the number. Returns the figures in words."""
    start = time.monotonic()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("a[href*='/new/']", state="visible")
    seen, first = time.monotonic() - start, dict(count)
    page.click("a[href*='/new/']")
    page.wait_for_selector("[name=text]", state="visible")
    form = time.monotonic() - start
    types(page, "[name=text]", STORY)
    for _step in range(2):
        page.click("[data-next-step]:visible")
        page.wait_for_timeout(STEP)
    types(page, "[name=name]", "王小明")
    types(page, "[name=phone]", phone)
    pressed = time.monotonic()
    page.click("[data-submit]")
    page.wait_for_selector("text=TS-", state="visible")
    now = time.monotonic()
    return (
        f"first page {seen:.1f} s, {first['bytes'] / 1024:.0f} KiB in {first['requests']} requests; form {form:.1f} s; "
        f"number {now - pressed:.1f} s after the press; whole {now - start:.0f} s, {count['bytes'] / 1024:.0f} KiB"
    )


def main() -> None:
    url = sys.argv[1]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for n, (name, line) in enumerate(LINES.items()):
            context = browser.new_context(
                viewport={"width": 390, "height": 844}, locale="zh-CN", is_mobile=True, has_touch=True
            )
            context.set_default_timeout(90_000)
            page = context.new_page()
            phone = f"139{int(time.time() * 10 + n) % 10**8:08}"
            print(f"{name}: {complain(page, url, slowed(page, *line), phone)}", flush=True)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
