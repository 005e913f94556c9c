"""What every client script shares: a server of its own, its operator's commands, and a person with a browser.

Only the standard library is used here. `run` starts the server and hands it on in three environment variables.
"""

import html.parser
import http.cookiejar
import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

USERNAME, PASSWORD = "alice", "correct horse battery"
# The most that an app which registered itself may ask for.
SELF_REGISTERED = "openid profile email offline_access notes:read"


class Server:
    """The built program in a folder of its own; settings come from nowhere else."""

    def __init__(self, program, folder, issuer=None):
        self.program, self.folder, self.issuer, self.process = program, folder, issuer, None

    @classmethod
    def given(cls):
        """The server that `run` started for this script."""
        return cls(os.environ["CLIENTS_PROGRAM"], os.environ["CLIENTS_FOLDER"], os.environ["CLIENTS_ISSUER"])

    def to_environment(self):
        given = {"CLIENTS_PROGRAM": self.program, "CLIENTS_FOLDER": self.folder, "CLIENTS_ISSUER": self.issuer}
        return {**os.environ, **given}

    def _settings(self):
        settings = {"LISTEN": "127.0.0.1:0", "OPS_LISTEN": "", "PASSWORD_BCRYPT_COST": "10",
                    "DYNAMIC_REGISTRATION": "open", "SELF_REGISTERED_SCOPE": SELF_REGISTERED}
        return {"TMPDIR": self.folder, **{f"GATEPOST_{name}": value for name, value in settings.items()}}

    def command(self, *arguments, given=""):
        """Runs one of the operator's commands and reads the JSON that it prints."""
        done = subprocess.run([self.program, *arguments, "--json"], cwd=self.folder, env=self._settings(),
                              input=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)

    def create_user(self, username, password=PASSWORD):
        with_password = ["--password-stdin"] if password else []
        return self.command("user", "create", "--username", username, "--email", f"{username}@people.example",
                            *with_password, given=password or "")

    def create_client(self, name, *arguments):
        return self.command("client", "create", "--name", name, "--owner", USERNAME, *arguments)

    def create_api(self, identifier, *arguments):
        return self.command("api", "create", "--identifier", identifier, "--name", "Maps", *arguments)

    def start(self):
        log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen([self.program, "serve"], cwd=self.folder, env=self._settings(),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.issuer = line.split()[1].rstrip("/")
                return self
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def log(self):
        with open(os.path.join(self.folder, "log")) as log:
            return log.read()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Form(html.parser.HTMLParser):
    """The last form on a page, as far as a browser would send it."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self.decides = None, {}, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action, self.fields, self.decides = attributes.get("action", ""), {}, False
        if tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value") or ""
        if tag == "button" and attributes.get("name") == "decision" and attributes.get("value") == "allow":
            self.decides = True


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments):
        return None


class Person:
    """Alice with a browser: logs in where asked, allows (or does not), and ends at the app's address."""

    def __init__(self, issuer, decision="allow"):
        self.issuer, self.decision, self.asked = issuer, decision, []
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(cookies, _Stay())
        self.browser.addheaders = [("Sec-Fetch-Site", "same-origin"), ("User-Agent", "Mozilla/5.0")]

    def _open(self, url, body=None):
        """Follows redirects as long as they stay here: the last address, and its page if it is here."""
        for _redirect in range(10):
            if not url.startswith(f"{self.issuer}/"):
                return url, None
            try:
                page = self.browser.open(url, body)
                return url, page.read().decode()
            except urllib.error.HTTPError as answer:
                if answer.code != 303 and answer.code != 302:
                    raise AssertionError(f"{url}: {answer.code} {answer.read().decode()}") from None
                url, body = urllib.parse.urljoin(url, answer.headers["Location"]), None
        raise AssertionError(f"the redirects do not end: {url}")

    def visit(self, url):
        """Answers each page of the server; the address of the app that it ends at, or the last page's text."""
        url, page = self._open(url)
        for _page in range(10):
            form = Form(page) if page is not None else None
            if form is None or form.action is None:
                return url if page is None else page
            answers = dict(form.fields)
            if "password" in answers:
                answers |= {"username": USERNAME, "password": PASSWORD}
                self.asked.append("password")
            elif form.decides:
                answers["decision"] = self.decision
                self.asked.append("decision")
            elif not answers.get("user_code"):
                return page
            body = urllib.parse.urlencode(answers).encode()
            url, page = self._open(urllib.parse.urljoin(url, form.action), body)
        raise AssertionError(f"the forms do not end: {url}")


def parameter(url, name):
    """One parameter of an address, or None."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)).get(name)


def ok(flow):
    """Says that a flow went through: `run` counts these lines."""
    print(f"ok: {flow}", flush=True)
