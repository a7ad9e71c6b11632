#!/usr/bin/env python3
"""Photograph the real screens of a running demonstration company into docs/pictures/.

    make run                                   # in one terminal; wait until the demonstration company has grown
    .venv/bin/python scripts/pictures.py       # in another; --url and --out say where from and where to

Each picture is taken at the width the screen is used at; `--all` takes every screen at 390 and 1440 px, light and dark.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PASSWORD = "Chengguang-2026"
# name, who looks (empty: a customer), address, width; {case}: a case of this person's queue in the stage given
SHOTS = [
    ("portal-home", "", "/", 390),
    ("portal-new", "", "/new/", 390),
    ("portal-track", "", "/track/", 390),
    ("portal-notice", "", "/notice/", 390),
    ("desk-today", "xiaoman", "/desk/", 1440),
    ("desk-team", "xuemei", "/desk/", 1440),
    ("desk-queue", "xuemei", "/desk/queue/", 1440),
    ("desk-entry", "xiaoman", "/desk/register/", 1440),
    ("case-triage", "xuemei", "/desk/queue/?stage=triage", 1440),
    ("case-investigation", "xuemei", "/desk/queue/?stage=investigation", 1440),
    ("case-resolution", "xuemei", "/desk/queue/?stage=resolution", 1440),
    ("case-execution", "xuemei", "/desk/queue/?stage=execution", 1440),
    ("case-reply", "xuemei", "/desk/queue/?stage=reply", 1440),
    ("case-followup", "xuemei", "/desk/queue/?stage=followup", 1440),
    ("case-phone", "xuemei", "/desk/queue/?stage=investigation", 390),
    ("approvals-phone", "xuemei", "/desk/approvals/", 390),
    ("followups", "fanwei", "/desk/followups/", 1440),
    ("customers", "xuemei", "/desk/customers/", 1440),
    ("insight", "gaoyuan", "/desk/insight/", 1440),
    ("policy", "duheng", "/desk/policy/", 1440),
    ("admin", "admin", "/desk/admin/", 1440),
]  # fmt: skip


def sign_in(browser: Browser, url: str, username: str, width: int, dark: bool) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 500 else 844}, locale="zh-CN", timezone_id="Asia/Shanghai",
        color_scheme="dark" if dark else "light", device_scale_factor=1.5 if width < 500 else 1,
    )  # fmt: skip
    page = context.new_page()
    if username:
        page.goto(f"{url}/accounts/login/")
        page.fill("input[name=login]", username)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit], form button[type=submit]")
        page.wait_for_url(re.compile("/desk/"))
    return page


def shoot(page: Page, url: str, name: str, address: str, out: Path) -> None:
    page.goto(url + address, wait_until="networkidle")
    if name.startswith("case-"):
        first = page.locator("[data-row] a[href*='/desk/cases/']").first
        if not first.count():
            print(f"{name}: no such case yet")
            return
        page.goto(url + (first.get_attribute("href") or ""), wait_until="networkidle")
    page.wait_for_timeout(300)
    page.screenshot(path=out / f"{name}.png", full_page=False)
    print(out / f"{name}.png")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--url", default="http://127.0.0.1:8000")
    asked.add_argument("--out", type=Path, default=Path("docs/pictures"))
    asked.add_argument("--only", default="", help="a regular expression over the names")
    asked.add_argument("--all", action="store_true", help="every screen at 390 and 1440 px, light and dark")
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        for name, username, address, width in SHOTS:
            if not re.search(given.only, name):
                continue
            looks = [(390, False), (390, True), (1440, False), (1440, True)] if given.all else [(width, False)]
            for wide, dark in looks:
                page = sign_in(browser, given.url, username, wide, dark)
                shown = f"{name}-{wide}{'-dark' if dark else ''}" if given.all else name
                shoot(page, given.url, shown, address, given.out)
                page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
