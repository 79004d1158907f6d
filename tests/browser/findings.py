"""An attack becomes findings, and a person deals with one: list, story, acknowledge, close, reopen, an exception, marks."""

import re
import uuid
from datetime import datetime, timedelta, timezone

from playwright.sync_api import expect

from browser import Browser

# A rule that sends mail on. What comes before and after it is no finding by itself.
USER = "robin@contoso.example"
RULE = "Inbox rule sends mail on to an address"
ADDRESS = "198.51.100.77"
SESSION = str(uuid.uuid4())

# Names are shown as text, whatever is in them.
HOSTILE_USER = "<img src=x onerror=alert(1)>\u202egpj.exe@contoso.example"


class Attack:
    """Records of the last minute, so that they are the newest of all."""

    def __init__(self, tenant: str):
        self.tenant = tenant
        self.begin = datetime.now(timezone.utc) - timedelta(minutes=1)

    def record(self, seconds: int, operation: str, user: str, **more) -> dict:
        return {
            "Id": str(uuid.uuid4()),
            "CreationTime": (self.begin + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S"),
            "Operation": operation,
            "OrganizationId": self.tenant,
            "UserKey": user,
            "UserType": 0,
            "Version": 1,
            "UserId": user,
            "ClientIP": ADDRESS,
            "ResultStatus": "Success",
            **more,
        }

    def sign_in(self, seconds: int, operation: str, error: str) -> dict:
        device = [{"Name": "OS", "Value": "Windows10"}, {"Name": "SessionId", "Value": SESSION}]
        more = {"RecordType": 15, "Workload": "AzureActiveDirectory", "ErrorNumber": error, "DeviceProperties": device}
        return self.record(seconds, operation, USER, **more)

    def in_mailbox(self, seconds: int, operation: str, user: str, kind: int, **more) -> dict:
        return self.record(seconds, operation, user, RecordType=kind, Workload="Exchange", ExternalAccess=False, **more)

    def forwards(self, seconds: int, user: str) -> dict:
        parameters = [{"Name": "Name", "Value": "Copy"}, {"Name": "ForwardTo", "Value": "drop@attacker.example"}]
        return self.in_mailbox(seconds, "New-InboxRule", user, 1, ObjectId="Copy", Parameters=parameters)

    def sign_ins(self) -> list[dict]:
        failures = [self.sign_in(at, "UserLoginFailed", "50126") for at in (0, 4)]
        return [*failures, self.sign_in(9, "UserLoggedIn", "0")]

    def mail(self) -> list[dict]:
        items = [{"Subject": "Is this you?", "ParentFolder": {"Path": "\\Inbox"}}]
        deleted = self.in_mailbox(40, "HardDelete", USER, 3, SessionId=SESSION, AffectedItems=items)
        hostile = {**self.forwards(50, HOSTILE_USER), "ClientIP": "192.0.2.177"}
        return [self.forwards(20, USER), deleted, hostile]


def findings(b: Browser, microsoft, tenant: str) -> None:
    attack = Attack(tenant)
    for content_type, records in [("Audit.AzureActiveDirectory", attack.sign_ins()), ("Audit.Exchange", attack.mail())]:
        microsoft.command("POST", "publish", {"tenant": tenant, "content_type": content_type, "records": records})
    in_list(b)
    one(b)
    exception(b)
    mark(b)


def row(b: Browser, user: str):
    return b.page.locator(".found [data-row]").filter(has_text=user).filter(has_text=RULE)


def main_link(b: Browser, name: str):
    return b.page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True)


def in_list(b: Browser) -> None:
    """Found by itself, narrowed, and opened by keyboard."""
    page = b.page
    main_link(b, "Findings").click()
    expect(row(b, USER)).to_be_visible()
    expect(row(b, "<img src=x")).to_be_visible()
    # The count comes from one look at all tenants, and such a look serves for a quarter of a minute.
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(r"^[1-9]\d* .*findings? .*open"))
    b.look("findings")

    page.get_by_label("Filter by", exact=True).select_option("user")
    page.get_by_label("Value").fill(USER.upper())
    page.get_by_role("button", name="Add filter").click()
    expect(page).to_have_url(re.compile("user=ROBIN"))
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("User")
    expect(row(b, USER)).to_be_visible()
    expect(row(b, "<img src=x")).to_have_count(0)
    page.get_by_label("Filter by", exact=True).select_option("severity")
    page.get_by_label("Severity", exact=True).select_option("critical,high,medium")
    page.get_by_role("button", name="Add filter").click()
    expect(page).to_have_url(re.compile("severity=critical"))
    expect(row(b, USER)).to_be_visible()
    b.look("findings-filtered")
    page.get_by_role("navigation", name="Filter by state").get_by_role("link", name="Acknowledged").click()
    expect(page.get_by_text("No finding in any tenant that your key sees matches.")).to_be_visible()
    b.look("findings-nothing")
    page.go_back()
    expect(row(b, USER)).to_be_visible()

    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/tenants/[^/]+/findings/[^/?]+$"))


def one(b: Browser) -> None:
    page = b.page
    headline = page.get_by_role("heading", level=1)
    expect(headline).to_contain_text(RULE)
    expect(headline).to_contain_text(USER)
    evidence = page.locator(".event.is-evidence")
    # The records are in the lake before anything is found in them, but their events come in portions.
    expect(evidence).to_have_count(1)
    expect(evidence).to_contain_text("New-InboxRule")
    expect(page.get_by_role("heading", name=re.compile("^Before"))).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^After"))).to_be_visible()
    b.look("finding")
    evidence.get_by_role("button").click()
    expect(page.get_by_role("group", name="Lines of the record")).to_contain_text("drop@attacker.example")
    page.get_by_text("The rule as it is written now").click()
    expect(page.get_by_role("group", name="The rule", exact=True)).to_contain_text("logsource")
    page.get_by_text("The finding as it lies in the lake").click()
    expect(page.get_by_role("group", name="The finding", exact=True)).to_contain_text("class_uid")
    b.look("finding-open")

    standing = page.locator(".triage")
    page.get_by_role("button", name="Acknowledge").click()
    expect(standing).to_contain_text("Acknowledged by")
    page.get_by_role("button", name="Close", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^False positive")).check()
    dialog.get_by_label(re.compile("^Note")).fill("Robin asked for it\n<b>ticket 4711</b>")
    b.look("finding-close")
    dialog.get_by_role("button", name="Close the finding").click()
    expect(standing).to_contain_text("Closed as false positive by")
    expect(standing).to_contain_text("<b>ticket 4711</b>")
    b.look("finding-closed")

    # Closed ones are on the tenant's page.
    page.get_by_role("link", name="Contoso").click()
    page.get_by_role("navigation", name="Filter by state").get_by_role("link", name="Closed").click()
    expect(row(b, USER)).to_contain_text("Closed as false positive")
    b.look("tenant-findings-closed")
    row(b, USER).get_by_role("link").first.click()
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("dialog").get_by_role("button", name="Reopen").click()
    expect(page.locator(".triage")).to_contain_text("Reopened by")


def exception(b: Browser) -> None:
    page = b.page
    page.get_by_role("button", name="Exception from here").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(USER)
    expect(dialog.get_by_label(re.compile("^User"))).to_be_checked()
    dialog.get_by_label(re.compile("^Address")).check()
    dialog.get_by_label("IP address or network").fill("198.51.100.0/24")
    dialog.get_by_label(re.compile("^Reason")).fill("The move to the new mail system")
    b.look("exception-form")
    dialog.get_by_role("button", name="Make the exception").click()
    expect(page.get_by_text("The exception is made.")).to_be_visible()
    page.get_by_role("link", name="All exceptions").click()
    made = page.get_by_role("row").filter(has_text="The move to the new mail system")
    expect(made).to_contain_text("198.51.100.0/24")
    expect(made).to_contain_text(USER)
    b.look("exceptions")
    made.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(made).to_have_count(0)
    expect(page.get_by_text("There are no exceptions.")).to_be_visible()
    b.look("exceptions-none")


def mark(b: Browser) -> None:
    """From the event in the timeline back to the finding."""
    page = b.page
    main_link(b, "Overview").click()
    page.locator("[data-row] a.open").filter(has_text="Contoso").click()
    page.get_by_role("navigation", name="Tenant").get_by_role("link", name="Timeline").click()
    page.get_by_label("Filter by", exact=True).select_option("user")
    page.get_by_label("Value").fill(USER)
    page.get_by_role("button", name="Add filter").click()
    marks = page.get_by_role("list", name="Findings in this event")
    expect(marks).to_have_count(1)
    expect(marks).to_contain_text("Finding")
    b.look("timeline-marks")
    marks.get_by_role("link", name=re.compile(RULE)).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(USER)


def counted(b: Browser) -> None:
    """On the overview, and from there to the tenant's."""
    page = b.page
    main_link(b, "Overview").click()
    figure = page.locator(".figures > div").filter(has_text="Findings open").get_by_role("link").first
    expect(figure).to_have_text(re.compile(r"^[1-9]"))
    b.look("overview-findings")
    contoso = page.locator(".tenants [data-row]").filter(has_text="Contoso")
    contoso.get_by_role("link", name=re.compile("findings? open$")).click()
    expect(page.get_by_role("heading", level=2)).to_contain_text(re.compile(r"^[1-9]\d* .*findings? .*open"))
    expect(row(b, USER)).to_be_visible()
    b.look("tenant-findings")
