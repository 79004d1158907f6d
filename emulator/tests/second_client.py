"""A second, independent client: Microsoft's documentation step by step, with Python's standard library alone.

usage: second_client.py LOGIN_URL MANAGE_URL CLIENT_ID CLIENT_SECRET TENANT

Follows "Get started with Office 365 Management APIs" and "Office 365 Management Activity API reference": asks for a token,
starts a subscription to each content type, lists what is subscribed, lists content page by page, fetches each blob, stops.
Prints one line of JSON: the number of blobs, and the Ids of all records.
"""

import datetime
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

CONTENT_TYPES = [
    "Audit.AzureActiveDirectory",
    "Audit.Exchange",
    "Audit.SharePoint",
    "Audit.General",
    "DLP.All",
]

# Content appears some time after the start; longer than this it takes only on a broken machine.
WAIT_SECONDS_MAX = 60

# Between two listings, so that the limit of 2,000 requests a minute is far away.
PAUSE_SECONDS = 0.25

TIMEOUT_SECONDS = 30

# The machine's own proxy settings have no say: everything is on the loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, token=None, body=None, content_type=None):
    request = urllib.request.Request(url, data=body, method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    if content_type:
        request.add_header("Content-Type", content_type)
    try:
        with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read().decode("utf-8")
            return answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {url}: {error.code} {error.read().decode('utf-8', 'replace')}")


def get_token(login_url, tenant, client_id, client_secret):
    form = {
        "resource": "https://manage.office.com",
        "client_id": client_id,
        "grant_type": "client_credentials",
        "client_secret": client_secret,
    }
    body = urllib.parse.urlencode(form).encode("ascii")
    url = f"{login_url}{tenant}/oauth2/token"
    _, answer = call("POST", url, body=body, content_type="application/x-www-form-urlencoded")
    assert answer["token_type"] == "Bearer", answer
    assert int(answer["expires_in"]) > 0, answer
    return answer["access_token"]


def check_subscriptions(feed, query, token):
    for content_type in CONTENT_TYPES:
        url = f"{feed}/subscriptions/start?contentType={content_type}&{query}"
        _, started = call("POST", url, token, body=b"")
        assert started["contentType"] == content_type, started
        assert started["status"] == "enabled" and started["webhook"] is None, started
    _, listed = call("GET", f"{feed}/subscriptions/list?{query}", token)
    seen = sorted(one["contentType"] for one in listed if one["status"] == "enabled")
    assert seen == sorted(CONTENT_TYPES), listed


def list_content(feed, query, token, content_type):
    """All pages of the last hour. The header of the next page comes in any case, and without PublisherIdentifier."""
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = now - datetime.timedelta(hours=1), now + datetime.timedelta(seconds=1)
    window = f"startTime={start:%Y-%m-%dT%H:%M:%S}&endTime={end:%Y-%m-%dT%H:%M:%S}"
    url = f"{feed}/subscriptions/content?contentType={content_type}&{window}&{query}"
    found = []
    while url:
        headers, page = call("GET", url, token)
        found += page
        url = headers.get("NextPageUri")
        if url and "PublisherIdentifier" not in url:
            url += "&" + query
    return found


def fetch_records(query, token, uri):
    _, records = call("GET", f"{uri}?{query}", token)
    return [record["Id"] for record in records]


def main():
    login_url, manage_url, client_id, client_secret, tenant = sys.argv[1:]
    token = get_token(login_url, tenant, client_id, client_secret)
    feed = f"{manage_url}api/v1.0/{tenant}/activity/feed"
    query = f"PublisherIdentifier={tenant}"
    check_subscriptions(feed, query, token)
    ids, fetched = [], set()
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    finished = False
    while True:
        # Asked before the listing, so that what is listed afterwards is everything.
        _, published = call("GET", f"{manage_url}_emulator/published")
        finished = published["finished"]
        for content_type in CONTENT_TYPES:
            for blob in list_content(feed, query, token, content_type):
                assert blob["contentType"] == content_type, blob
                if blob["contentId"] not in fetched:
                    fetched.add(blob["contentId"])
                    ids += fetch_records(query, token, blob["contentUri"])
        if finished:
            break
        assert time.monotonic() < deadline, "content does not appear"
        time.sleep(PAUSE_SECONDS)
    for content_type in CONTENT_TYPES:
        call("POST", f"{feed}/subscriptions/stop?contentType={content_type}&{query}", token, body=b"")
    print(json.dumps({"blobs": len(fetched), "ids": sorted(ids)}))


main()
