"""Logs in with MSAL as it comes from PyPI, and lists a tenant's subscriptions with the token.

msal_client.py LOGIN_URL TENANT CLIENT_ID AUTHORITY_PEM, with the credential as JSON on standard input: a secret, or an object
with private_key and public_certificate or thumbprint. Prints a JSON object.
"""

import json
import sys

import msal
import requests


def ask(login_url, tenant, client_id, trusted, credential):
    def app(instance_discovery):
        return msal.ConfidentialClientApplication(
            client_id,
            client_credential=credential,
            authority=f"{login_url}{tenant}",
            instance_discovery=instance_discovery,
            verify=trusted,
        )

    # With instance discovery, MSAL finds the same. Only its cache then asks Microsoft for other names of the host, wherever
    # it was told to ask.
    discovered = app(f"{login_url}common/discovery/instance").authority.token_endpoint
    app = app(False)
    if discovered != app.authority.token_endpoint:
        return {"error": discovered}
    answer = app.acquire_token_for_client(["https://manage.office.com/.default"])
    if "access_token" not in answer:
        return {"error": answer["error"], "codes": answer["error_codes"]}
    listed = requests.get(
        f"{login_url}api/v1.0/{tenant}/activity/feed/subscriptions/list",
        params={"PublisherIdentifier": tenant},
        headers={"Authorization": f"Bearer {answer['access_token']}"},
        verify=trusted,
        timeout=30,
    )
    # The second time, MSAL takes the token from its cache.
    again = app.acquire_token_for_client(["https://manage.office.com/.default"])
    return {"status": listed.status_code, "listed": listed.json(), "again": again["token_source"]}


def main():
    login_url, tenant, client_id, trusted = sys.argv[1:]
    credential = json.load(sys.stdin)
    print(json.dumps(ask(login_url, tenant, client_id, trusted, credential)))


main()
