"""PyPI `mcp`: its OAuth client is told the address of an API and finds everything else by itself (RFC 9728)."""

import asyncio
import json
import threading
import urllib.parse
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from harness import Person, Server, ok
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

CALLBACK, SCOPE, WRITE = "http://127.0.0.1:3119/callback", "notes:read", "notes:write"

server = Server.given()
issuer = server.issuer


class Api(BaseHTTPRequestHandler):
    """An API that asks us about tokens: reading takes one scope, writing another."""

    identifier = credentials = None

    @classmethod
    def start(cls):
        listening = ThreadingHTTPServer(("127.0.0.1", 0), cls)
        cls.base = f"http://127.0.0.1:{listening.server_port}"
        cls.identifier = f"{cls.base}/notes"
        scopes = ["--scope", f"{SCOPE}: Read your notes", "--scope", f"{WRITE}: Write notes"]
        cls.credentials = server.create_api(cls.identifier, *scopes)
        threading.Thread(target=listening.serve_forever, daemon=True).start()

    def introspect(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        basic = b64encode(f"{self.credentials['client_id']}:{self.credentials['client_secret']}".encode()).decode()
        body = urllib.parse.urlencode({"token": token}).encode()
        request = urllib.request.Request(f"{issuer}/oauth/introspect", body, {"Authorization": f"Basic {basic}"})
        with urllib.request.urlopen(request) as answer:
            seen = json.load(answer)
        return seen if seen["active"] and seen["aud"] == self.identifier else None

    def answer(self, status, body, challenge=None):
        self.send_response(status)
        if challenge:
            where = f'resource_metadata="{self.base}/.well-known/oauth-protected-resource/notes"'
            self.send_header("WWW-Authenticate", f"Bearer {where}, {challenge}")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        if self.path == "/.well-known/oauth-protected-resource/notes":
            self.answer(200, {"resource": self.identifier, "authorization_servers": [issuer],
                              "scopes_supported": [SCOPE]})
        elif self.path.startswith("/notes"):
            needed, seen = WRITE if self.path.endswith("/write") else SCOPE, self.introspect()
            if seen is None:
                self.answer(401, {}, f'error="invalid_token", scope="{SCOPE}"')
            elif needed not in seen["scope"].split():
                self.answer(403, {}, f'error="insufficient_scope", scope="{needed}"')
            else:
                self.answer(200, seen)
        else:
            self.answer(404, {})

    def log_message(self, *_arguments):
        pass


class Memory:
    """What a program remembers between runs."""

    def __init__(self, record=None):
        self.tokens = None
        self.client = None
        if record:
            method = "client_secret_basic" if "client_secret" in record else "none"
            self.client = OAuthClientInformationFull(
                client_id=record["client_id"], client_secret=record.get("client_secret"), redirect_uris=[CALLBACK],
                token_endpoint_auth_method=method, issuer=issuer)

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def logging_in(memory, person):
    """The SDK's OAuth client, and a person who goes where it sends them."""
    answers = []

    async def redirect(url):
        answers.append(await asyncio.to_thread(person.visit, url))

    async def callback():
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answers[-1]).query))
        assert "error" not in answer, answer
        return AuthorizationCodeResult(code=answer["code"], state=answer["state"], iss=answer["iss"])

    metadata = OAuthClientMetadata(client_name="Notes reader", redirect_uris=[CALLBACK],
                                   grant_types=["authorization_code", "refresh_token"])
    return OAuthClientProvider(Api.identifier, metadata, memory, redirect, callback)


async def get(provider, path=""):
    async with httpx2.AsyncClient(auth=provider) as client:
        answer = await client.get(f"{Api.identifier}{path}")
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()


async def reads(name, memory):
    person = Person(issuer)
    provider = logging_in(memory, person)
    seen = await get(provider)
    assert seen["client_id"] == memory.client.client_id and SCOPE in seen["scope"].split(), seen
    assert person.asked == ["password", "decision"], person.asked
    ok(f"resource metadata, discovery, PKCE, resource ({name})")
    before = memory.tokens
    provider.context.token_expiry_time = 1
    await get(provider)
    assert memory.tokens.access_token != before.access_token and person.asked == ["password", "decision"]
    rotates = memory.client.token_endpoint_auth_method == "none"
    assert (memory.tokens.refresh_token != before.refresh_token) == rotates
    ok(f"refresh ({name})")
    return provider, person


async def reads_then_writes(name, *arguments):
    grants = ["--grant-type", "authorization_code", "--grant-type", "refresh_token"]
    scopes = ["--scope", SCOPE, "--scope", WRITE]
    record = server.create_client(name, *arguments, "--redirect-uri", CALLBACK, *grants, *scopes)
    provider, person = await reads(name, Memory(record))
    seen = await get(provider, "/write")
    assert set(seen["scope"].split()) == {SCOPE, WRITE} and person.asked[2:] == ["decision"], (seen, person.asked)
    ok(f"a step up to more ({name})")


async def acts_for_itself():
    record = server.create_client("Nightly", "--grant-type", "client_credentials", "--scope", SCOPE)
    provider = ClientCredentialsOAuthProvider(Api.identifier, Memory(), record["client_id"], record["client_secret"],
                                              scope=SCOPE, issuer=issuer)
    seen = await get(provider)
    assert (seen["client_id"], seen["sub"]) == (record["client_id"], record["client_id"]), seen
    ok("a program that acts for itself")


async def main():
    Api.start()
    await reads_then_writes("a public client", "--public")
    await reads_then_writes("a client with a secret")
    await reads("a client that registers itself", Memory())
    await acts_for_itself()


if __name__ == "__main__":
    asyncio.run(main())
