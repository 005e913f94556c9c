"""The first platform's real Python client, which we did not write, against a running server.

It asks for every row of the wire table (`compatibility.md`, A6) and for the three failures of a login.

    python3 -m venv venv && venv/bin/pip install ellipsis==3.3.12
    printf 'correct horse battery' | gatepost user create --username alice --email alice@people.example --password-stdin
    gatepost user create --username google --email google@people.example
    venv/bin/python tests/clients/ellipsis.py http://localhost:8080

The server must be new: the script counts what it makes. Port 8765 of this device must be free.
"""

import html.parser
import http.cookiejar
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid

# This file has the client's name; the folder that it stands in must not be searched for it.
sys.path.pop(0)

import ellipsis as el  # noqa: E402
import ellipsis.account.root  # noqa: E402

USERNAME, PASSWORD, PASSWORDLESS = "alice", "correct horse battery", "google"
UNKNOWN = "46e1e919-8b73-42a3-a575-25c6d45fd93b"


def refused(message, work):
    """The client must raise what the server said."""
    try:
        answer = work()
    except ValueError as error:
        assert message in str(error), f"expected {message!r}, got {error}"
        return
    raise AssertionError(f"expected {message!r}, got the answer {answer}")


class Form(html.parser.HTMLParser):
    """The last form on a page, as far as a browser would send it."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action, self.fields = attributes.get("action", ""), {}
        if tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value", "")


def person_at(server):
    """A person with a browser: it logs in, allows, and follows the redirect to this device."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    browser.addheaders = [("Sec-Fetch-Site", "same-origin"), ("User-Agent", "Mozilla/5.0")]

    def submit(page, answers):
        form = Form(page.read().decode())
        body = urllib.parse.urlencode({**form.fields, **answers}).encode()
        return browser.open(urllib.parse.urljoin(page.url, form.action), body)

    def visit(url):
        assert url == f"{server}/login?application=true", url
        page = submit(browser.open(url), {"username": USERNAME, "password": PASSWORD})
        done = submit(page, {"decision": "allow"})
        assert "Login successful" in done.read().decode(), done.url

    return visit


def logs_in(server):
    token = el.account.logIn(USERNAME, PASSWORD)
    assert el.account.getInfo(token)["username"] == USERNAME
    assert el.account.getInfo(f"Bearer {token}")["username"] == USERNAME
    assert isinstance(el.account.logIn(USERNAME, PASSWORD, 3600), str)
    assert isinstance(el.account.logIn(f"{USERNAME}@people.example", PASSWORD), str)
    refused("Invalid username or password.", lambda: el.account.logIn(USERNAME, "not the password"))
    refused("Invalid username or password.", lambda: el.account.logIn("nobody", PASSWORD))
    refused("configure an Ellipsis Drive specific password", lambda: el.account.logIn(PASSWORDLESS, PASSWORD))
    refused("validFor", lambda: el.account.logIn(USERNAME, PASSWORD, 0))
    return token


def logs_in_by_browser(server):
    ellipsis.account.root.appUrl = server
    problems = []

    def visit(url):
        def walk():
            try:
                person_at(server)(url)
            except Exception as problem:  # the client waits for ever: let it go with something
                problems.append(problem)
                urllib.request.urlopen("http://127.0.0.1:8765/callback?token=none")

        threading.Thread(target=walk).start()

    ellipsis.account.root.webbrowser.open = visit
    token = el.account.browserLogin()
    assert not problems, problems
    assert el.account.getInfo(token)["username"] == USERNAME
    return token


def sees_the_account(token):
    info = el.account.getInfo(token)
    uuid.UUID(info["id"])
    assert info["email"] == f"{USERNAME}@people.example" and info["hasPassword"] is True, info
    for root in ["myDrive", "sharedWithMe", "favorites", "trash"]:
        assert el.account.listRoot(root, token)["result"] == [], root
        assert el.account.listRoot(root, token, ["folder"], listAll=False)["nextPageStart"] is None, root
    refused("nothing at this address", lambda: el.account.listRoot("yours", token))
    refused("malformed", lambda: el.account.getInfo("noise"))


def makes_and_ends_access_tokens(token):
    view = [{"pathId": UNKNOWN, "access": {"accessTier": "view"}}]
    made = [el.account.accessToken.create(f"token {number}", view, token, 60 + number) for number in range(32)]
    lasting = el.account.accessToken.create("for ever", view, token)
    assert lasting["expiryDate"] is None and isinstance(lasting["token"], str), lasting
    uuid.UUID(lasting["id"])
    page = el.account.accessToken.get(token)
    assert len(page["result"]) == 30 and isinstance(page["nextPageStart"], str), page
    everything = el.account.accessToken.get(token, listAll=True)
    assert [entry["description"] for entry in everything["result"]][:2] == ["for ever", "token 31"]
    assert len(everything["result"]) == 33 and everything["nextPageStart"] is None
    assert everything["result"][0]["accessList"] == view, everything["result"][0]
    el.account.accessToken.revoke(lasting["id"], token)
    refused("nothing at this address", lambda: el.account.accessToken.revoke(lasting["id"], token))
    refused("nothing at this address", lambda: el.account.accessToken.revoke(UNKNOWN, token))
    refused("at least one", lambda: el.account.accessToken.create("none", [], token))
    refused("validFor", lambda: el.account.accessToken.create("none", view, token, 0))
    refused("right", lambda: el.account.accessToken.get(made[0]["token"]))
    for entry in made:
        el.account.accessToken.revoke(entry["id"], token)
    assert el.account.accessToken.get(token, listAll=True)["result"] == []


def finds_people(token):
    found = el.user.search(USERNAME)
    assert [person["username"] for person in found["result"]] == [USERNAME], found
    assert el.user.search(USERNAME[:3])["result"] == [], "without a token the name must be whole"
    assert el.user.search(USERNAME, False) == found
    person = el.user.get(el.account.getInfo(token)["id"])
    assert set(person) == {"id", "username"} and person["username"] == USERNAME, person
    refused("nothing at this address", lambda: el.user.get(UNKNOWN))


def main():
    server = sys.argv[1].rstrip("/")
    el.apiManager.baseUrl = f"{server}/v3"
    token = logs_in(server)
    print("ok: log in by password, and its failures")
    sees_the_account(token)
    print("ok: the account and the drive")
    makes_and_ends_access_tokens(token)
    print("ok: access tokens")
    finds_people(token)
    print("ok: people")
    makes_and_ends_access_tokens(logs_in_by_browser(server))
    print("ok: log in by the browser")


if __name__ == "__main__":
    main()
