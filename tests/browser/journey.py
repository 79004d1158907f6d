"""From an empty installation to a tenant in trouble, as a person sees it.

Takes JSON from standard input: url and key of the installation, manage_url of the emulated Microsoft, its tenants, and the
folder of the screenshots. Ends with status 1 and a list when anything was wrong.
"""

import json
import re
import sys
import urllib.request
from pathlib import Path

from playwright.sync_api import expect

from browser import WITHIN_MS, Browser, browser
from findings import counted, findings

expect.set_options(timeout=WITHIN_MS)

CONTENT_TYPES = ["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General"]

# Names are shown as text, whatever is in them.
HOSTILE = "<img src=x onerror=alert(1)> \u202eexe.gnp"


class Microsoft:
    """The commands of the emulator."""

    def __init__(self, url: str):
        self.url = url

    def command(self, method: str, path: str, body) -> None:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}_emulator/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


def sign_in(b: Browser, key: str) -> None:
    page = b.page
    expect(page.get_by_role("heading", name="Sign in with an API key")).to_be_visible()
    b.look("sign-in")
    with b.allowing("401"):
        page.get_by_label("API key").fill("no key of this installation at all")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("does not know this key")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No tenant is registered yet.")
    b.look("overview-empty")


def add_by_link(b: Browser, microsoft: Microsoft, tenant: str) -> None:
    """The consent link, opened by an administrator beside us, until the first event."""
    page = b.page
    microsoft.command("PUT", "administrator", {"decision": "decline", "tenant": tenant})
    page.get_by_role("link", name="Add a tenant").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Add a tenant")
    b.look("add")
    with b.allowing("403"):
        refused = consent(b, "Contoso")
    expect(page.get_by_role("heading", level=1)).to_contain_text("did not consent")
    b.look("consent-refused-ours")
    refused.close()

    microsoft.command("PUT", "administrator", {"decision": "accept", "tenant": tenant})
    page.get_by_role("link", name="Make a new link").click()
    consent(b, "Contoso").close()
    steps = page.locator("[data-step]")
    expect(steps).to_have_count(7)
    b.look("steps")
    expect(page.locator('[data-step][data-state="done"]')).to_have_count(7)
    b.look("steps-done")
    page.get_by_role("link", name="Open the tenant's page").click()


def consent(b: Browser, name: str):
    """Makes a link and opens it in a tab beside. Gives the tab with the result page."""
    page = b.page
    door = page.get_by_role("region", name="Send a consent link")
    door.get_by_label("Name").fill(name)
    door.get_by_role("button", name="Make a consent link").click()
    link = page.get_by_role("link", name="Open the link here")
    expect(link).to_be_visible()
    b.look("consent-link")
    with b.context.expect_page() as opened:
        link.click()
    beside = opened.value
    beside.wait_for_url("**/consent/callback*")
    expect(beside.get_by_role("heading", level=1)).to_be_visible()
    ours, b.page = b.page, beside
    b.look(f"consent-result-{'declined' if 'error' in beside.url else 'accepted'}")
    b.page = ours
    return beside


def tenant_page(b: Browser) -> None:
    page = b.page
    for of in CONTENT_TYPES:
        expect(page.get_by_text(f"{of} enabled", exact=True)).to_be_visible()
    expect(page.locator("[role=gridcell]").first).to_be_visible()
    b.look("tenant")
    # By keyboard: a cell of the heat map tells its hour.
    page.locator('[role=gridcell][tabindex="0"]').focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".week-told")).to_contain_text("Audit.AzureActiveDirectory")


def timeline(b: Browser) -> None:
    page = b.page
    page.get_by_role("link", name="Timeline").click()
    rows = page.locator(".event > button")
    expect(rows.first).to_be_visible()
    b.look("timeline")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(rows.first).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("group", name="Lines of the record")).to_contain_text("OrganizationId")
    expect(page.get_by_role("group", name="Attributes of the event")).to_contain_text("class_uid")
    b.look("timeline-open")

    page.get_by_role("link", name="Same operation").click()
    chips = page.get_by_role("list", name="Filters in force")
    expect(chips).to_contain_text("Operation")
    expect(rows.first).to_be_visible()
    page.get_by_role("link", name="Remove all", exact=True).click()
    expect(chips).to_have_count(0)

    # A search that matches nothing says how far it looked. It ends by itself, perhaps after some steps.
    page.keyboard.press("/")
    page.keyboard.type("no such word anywhere 9f86d081")
    page.keyboard.press("Enter")
    further = page.get_by_role("button", name="Look further")
    nothing = page.get_by_text(re.compile("^Nothing matches"))
    expect(nothing).to_be_visible()
    while further.is_visible():
        further.click()
        expect(page.get_by_text(re.compile("Reading events"))).to_have_count(0)
    expect(page.get_by_text(re.compile("That is the end of the period"))).to_be_visible()
    b.look("timeline-nothing")


def settings(b: Browser) -> None:
    page = b.page
    page.get_by_role("link", name="Settings").click()
    name = page.get_by_label("Name")
    name.fill(HOSTILE.replace("\u202e", ""))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator(".crumbs")).to_contain_text("<img src=x")
    b.look("settings")
    name.fill("Contoso")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".crumbs")).to_contain_text("Contoso")


def keys(b: Browser) -> None:
    page = b.page
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name: who or what uses it").fill("On call")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    b.look("keys")
    row = page.get_by_role("row").filter(has_text="On call")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("1 revoked key")).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("row").filter(has_text="revoked a key").first).to_be_visible()
    b.look("audit-log")


def overview(b: Browser, name: str, state: str) -> None:
    page = b.page
    page.get_by_role("link", name="Overview").click()
    row = page.locator("[data-row]").filter(has_text="Contoso")
    # One look at all tenants serves for a quarter of a minute, and the sweep comes before it.
    expect(row).to_contain_text(state, timeout=60_000)
    b.look(name)
    page.keyboard.press("/")
    page.keyboard.type("contos")
    expect(page).to_have_url(re.compile("search=contos"))
    expect(row).to_be_visible()
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/tenants/"))


def webhook_breaks(b: Browser, microsoft: Microsoft) -> None:
    page = b.page
    microsoft.command("POST", "faults", {"kind": "webhook_vanishes", "content_type": "Audit.Exchange"})
    row = page.get_by_role("row").filter(has_text="Audit.Exchange enabled")
    expect(row).to_contain_text("None: the sweep delivers")
    b.look("webhook-gone")
    microsoft.command("DELETE", "faults", {})


def consent_is_revoked(b: Browser, microsoft: Microsoft, tenant: str) -> None:
    page = b.page
    microsoft.command("PUT", f"tenants/{tenant}", {"consent": "roleless"})
    page.get_by_role("button", name="Check again").click()
    findings = page.get_by_role("region", name="What is wrong, and what to do")
    expect(findings).to_contain_text("Consent")
    # The headline does not wait for the sweep.
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("onsent"))
    expect(findings).to_contain_text("Failed")
    b.look("consent-revoked")


def main() -> None:
    given = json.load(sys.stdin)
    microsoft, tenant = Microsoft(given["manage_url"]), given["tenants"][0]
    with browser(Path(given["folder"])) as b:
        b.page.goto(given["url"])
        steps = [
            lambda: sign_in(b, given["key"]),
            lambda: add_by_link(b, microsoft, tenant),
            lambda: tenant_page(b),
            lambda: timeline(b),
            lambda: findings(b, microsoft, tenant),
            lambda: counted(b),
            lambda: settings(b),
            lambda: keys(b),
            lambda: overview(b, "overview", "Complete"),
            lambda: webhook_breaks(b, microsoft),
            lambda: consent_is_revoked(b, microsoft, tenant),
            lambda: overview(b, "overview-trouble", "Needs you"),
        ]
        for step in steps:
            try:
                step()
            except Exception:
                b.page.screenshot(path=b.folder / "failed.png", full_page=True)
                print("\n".join(b.faults), file=sys.stderr)
                raise
    if b.faults:
        sys.exit("\n".join(b.faults))


main()
