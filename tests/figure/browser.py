"""A headless Chromium for tests: what a page looks like once its scripts have run, what it said, what it asked for."""

import json
import re
import shutil
import subprocess
from urllib.parse import unquote

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def open_page(page, folder, budget_ms=5000):
    """@param budget_ms of the page's own time
    @return (elements of the page once it is drawn, lines of the console, addresses that the page asked for)"""
    log = folder / "requests.json"
    browser = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--enable-logging=stderr",
         f"--virtual-time-budget={budget_ms}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=False, timeout=120)
    console = [line for line in browser.stderr.splitlines() if ":CONSOLE" in line]
    # The browser talks to its maker on its own account; what matters is what the page asked for.
    events = json.loads(log.read_text(encoding="utf-8", errors="replace"))["events"]
    requests = [event["params"]["url"] for event in events
                if str(event.get("params", {}).get("initiator", "")).startswith(("file:", "null"))
                and not event["params"].get("url", "file:").startswith(("file:", "data:", "blob:"))]
    return browser.stdout, console, requests


def run_in_page(page, folder, script):
    """Runs JavaScript in a copy of the page after its own. @return what the script returns, through JSON"""
    changed = folder / f"{page.stem}_scripted.html"
    changed.write_text(page.read_text(encoding="utf-8").replace(
        "</body>", f"<script>document.documentElement.dataset.answer = encodeURIComponent(JSON.stringify((() => {{{script}}})()));"
        "</script></body>"), encoding="utf-8")
    dom, console, _ = open_page(changed, folder)
    answer = re.search(r'data-answer="([^"]*)"', dom)
    if answer is None:
        raise RuntimeError(f"the script did not run: {console}")
    return json.loads(unquote(answer[1]))
