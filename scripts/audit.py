#!/usr/bin/env python3
"""Ask the public advisory databases whether anything we stand on has a known hole.

Exit 1: a known vulnerability, named with the version that mends it. Where the databases cannot be reached, that is said
in capitals and the exit is 0: an installation without a way out must still be able to test itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_packages() -> tuple[list[str], str]:
    """(known holes, why it could not be asked)."""
    holes: list[str] = []
    unasked = asked = 0
    for lock in ("requirements.lock", "requirements-dev.lock"):
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "-r",
            str(ROOT / lock),
            "--disable-pip",
            "--no-deps",
            "-f",
            "json",
        ]
        run = subprocess.run([*command, "--timeout", "10"], capture_output=True, text=True, check=False)
        try:
            found = json.loads(run.stdout)["dependencies"]
        except (ValueError, KeyError):
            return [], (run.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        for one in found:
            unasked += "skip_reason" in one
            asked += "vulns" in one
            for hole in one.get("vulns", []):
                mended = ", ".join(hole["fix_versions"]) or "no version yet"
                holes.append(f"{one['name']} {one['version']}: {hole['id']} (mended in: {mended})")
    return holes, "" if asked else f"none of {unasked} packages is known to the advisory service reached from here"


def node_packages() -> tuple[list[str], str]:
    run = subprocess.run(["npm", "audit", "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found = json.loads(run.stdout)
    except ValueError:
        return [], "no answer"
    if "vulnerabilities" not in found:
        return [], str(found.get("message") or found.get("error", {}).get("summary") or "no answer")[:200]
    return [f"{name}: {one['severity']}" for name, one in found["vulnerabilities"].items()], ""


def main() -> int:
    bad = False
    for what, ask in (("Python packages", python_packages), ("npm packages", node_packages)):
        holes, why_not = ask()
        bad = bad or bool(holes)
        print(f"{what}: NOT AUDITED, {why_not}" if why_not else f"{what}: {len(holes)} known vulnerabilities")
        for hole in holes:
            print(f"  {hole}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
