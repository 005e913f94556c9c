"""The first platform's real Python client, which we did not write (`ellipsis`).

It asks for every row of the wire table (`docs/compatibility/ellipsis.md`) and for the three failures of a login.
Port 8765 of this device must be free.
"""

import threading
import urllib.request
import uuid

import ellipsis as el
import ellipsis.account.root
from harness import PASSWORD, USERNAME, Person, Server, ok

PASSWORDLESS = "google"
UNKNOWN = "46e1e919-8b73-42a3-a575-25c6d45fd93b"


def refused(message, work):
    """The client must raise what the server said."""
    try:
        answer = work()
    except ValueError as error:
        assert message in str(error), f"expected {message!r}, got {error}"
        return
    raise AssertionError(f"expected {message!r}, got the answer {answer}")


def visits(server, url):
    """A person with a browser: it logs in, allows, and follows the redirect to this device."""
    assert url == f"{server}/login?application=true", url
    done = Person(server).visit(url)
    with urllib.request.urlopen(done) as page:
        assert "Login successful" in page.read().decode(), done


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
                visits(server, url)
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
    given = Server.given()
    server = given.issuer
    given.create_user(PASSWORDLESS, password=None)
    el.apiManager.baseUrl = f"{server}/v3"
    token = logs_in(server)
    ok("log in by password, and its failures")
    sees_the_account(token)
    ok("the account and the drive")
    makes_and_ends_access_tokens(token)
    ok("access tokens")
    finds_people(token)
    ok("people")
    makes_and_ends_access_tokens(logs_in_by_browser(server))
    ok("log in by the browser")


if __name__ == "__main__":
    main()
