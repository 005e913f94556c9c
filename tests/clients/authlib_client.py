"""PyPI `authlib`: its framework client (Starlette), and its sessions on `requests` and `httpx`."""

import asyncio
import json

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.integrations.starlette_client import OAuth
from authlib.oauth2.rfc6749 import OAuth2Token
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from harness import Person, Server, ok, parameter
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

SITE, TILES = "http://localhost:9999", "https://tiles.example"
CALLBACK, GOODBYE = f"{SITE}/callback", f"{SITE}/goodbye"
OPENID = "openid profile email offline_access"

server = Server.given()
issuer = server.issuer


def scopes(text):
    return [word for scope in text.split() for word in ("--scope", scope)]


def raises(error, work):
    """The library must raise what the server said."""
    try:
        answer = work()
    except Exception as problem:
        assert getattr(problem, "error", None) == error, f"expected {error!r}, got {problem!r}"
        return
    raise AssertionError(f"expected {error!r}, got {answer}")


def site_with(record, **options):
    """A web site that logs people in as the library's documentation tells."""
    oauth = OAuth()
    oauth.register("gatepost", client_id=record["client_id"], client_secret=record.get("client_secret"),
                   server_metadata_url=f"{issuer}/.well-known/openid-configuration",
                   client_kwargs={"scope": OPENID, "code_challenge_method": "S256", **options})

    async def login(request):
        return await oauth.gatepost.authorize_redirect(request, CALLBACK, **request.query_params)

    async def callback(request):
        token = await oauth.gatepost.authorize_access_token(request)
        return JSONResponse({**token, "asked": await oauth.gatepost.userinfo(token=token)})

    async def logout(request):
        hint = request.query_params["id_token_hint"]
        return await oauth.gatepost.logout_redirect(request, post_logout_redirect_uri=GOODBYE, id_token_hint=hint)

    async def goodbye(request):
        return JSONResponse(await oauth.gatepost.validate_logout_response(request))

    routes = [Route(f"/{handler.__name__}", handler) for handler in (login, callback, logout, goodbye)]
    site = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key=generate_token(30))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url=SITE)


async def logs_in(site, person, **parameters):
    """Through the site to us and back: what the site then knows."""
    redirect = await site.get("/login", params=parameters)
    back = await asyncio.to_thread(person.visit, redirect.headers["location"])
    return (await site.get(back)).raise_for_status().json()


async def logs_people_in(record):
    person, site = Person(issuer), site_with(record)
    token = await logs_in(site, person)
    # `userinfo` holds the claims of the ID token: the library checked its signature and nonce.
    assert token["userinfo"]["aud"] in (record["client_id"], [record["client_id"]]), token
    assert token["asked"]["preferred_username"] == "alice" and token["asked"]["sub"] == token["userinfo"]["sub"]
    assert person.asked == ["password", "decision"], person.asked
    ok("code, PKCE, nonce, ID token and userinfo, in a Starlette site")
    again = await logs_in(site, person, prompt="login")
    assert again["userinfo"]["sub"] == token["userinfo"]["sub"] and "password" in person.asked[2:], person.asked
    ok("prompt=login asks again")
    leaving = await site.get("/logout", params={"id_token_hint": again["id_token"]})
    back = await asyncio.to_thread(person.visit, leaving.headers["location"])
    done = (await site.get(back)).raise_for_status().json()
    assert done["post_logout_redirect_uri"] == GOODBYE, done
    ok("logout by the app, back to the app")
    return token


def session_of(kind, record, **options):
    metadata = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").raise_for_status().json()
    session = kind(record["client_id"], record.get("client_secret"), redirect_uri=CALLBACK,
                   token_endpoint=metadata["token_endpoint"], **options)
    return session, metadata


def keeps_a_session(record, kind, method):
    verifier, name = generate_token(64), f"{kind.__module__.split('.')[2]}, {method}"
    options = {"scope": OPENID, "token_endpoint_auth_method": method, "code_challenge_method": "S256"}
    session, metadata = session_of(kind, record, **options)
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    back = Person(issuer).visit(url)
    assert parameter(back, "iss") == issuer, back
    token = session.fetch_token(metadata["token_endpoint"], authorization_response=back, state=state,
                                code_verifier=verifier)
    assert set(token["scope"].split()) == set(OPENID.split()) and token["token_type"] == "Bearer", token
    assert session.get(metadata["userinfo_endpoint"]).json()["email"] == "alice@people.example"
    ok(f"code and userinfo ({name})")
    fresh = session.refresh_token(metadata["token_endpoint"])
    assert isinstance(fresh, OAuth2Token) and fresh["access_token"] != token["access_token"]
    assert session.get(metadata["userinfo_endpoint"]).status_code == 200
    session.token = {**fresh, "expires_at": 1}
    assert session.get(metadata["userinfo_endpoint"]).status_code == 200, "it renews by itself what has expired"
    renewed = dict(session.token)
    assert renewed["access_token"] != fresh["access_token"]
    ok(f"refresh, asked and by itself ({name})")
    if method != "none":
        seen = session.introspect_token(metadata["introspection_endpoint"], token=renewed["access_token"]).json()
        assert seen["active"] is True and seen["client_id"] == record["client_id"], seen
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=renewed["refresh_token"],
                                   token_type_hint="refresh_token")
    assert revoked.status_code == 200, revoked.text
    raises("invalid_grant", lambda: session.refresh_token(metadata["token_endpoint"], renewed["refresh_token"]))
    ok(f"introspection and revocation ({name})")


def acts_for_itself():
    server.create_api(TILES, "--scope", "tiles:read: See your tiles")
    record = server.create_client("Nightly", "--grant-type", "client_credentials", *scopes("tiles:read"))
    session, metadata = session_of(OAuth2Client, record, scope="tiles:read")
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", resource=TILES)
    assert token["scope"] == "tiles:read" and "refresh_token" not in token, token
    wrong, _ = session_of(OAuth2Client, {**record, "client_secret": "wrong"}, scope="tiles:read")
    raises("invalid_client", lambda: wrong.fetch_token(metadata["token_endpoint"], grant_type="client_credentials"))
    ok("client credentials")


def proves_a_key():
    key = RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256"})
    file = f"{server.folder}/keys.json"
    with open(file, "w") as keys:
        json.dump({"keys": [key.as_dict(private=False)]}, keys)
    record = server.create_client("Signer", "--grant-type", "client_credentials", *scopes("tiles:read"), "--jwks", file)
    session, metadata = session_of(OAuth2Session, {**record, "client_secret": key}, scope="tiles:read",
                                   token_endpoint_auth_method="private_key_jwt")
    session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], headers={"kid": "k"}))
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "tiles:read", token
    ok("private_key_jwt, RS256")


def main():
    addresses = ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", GOODBYE]
    web = server.create_client("Web", *addresses, *scopes(OPENID))
    asyncio.run(logs_people_in(web))
    keeps_a_session(web, OAuth2Session, "client_secret_basic")
    keeps_a_session(web, OAuth2Client, "client_secret_post")
    phone = server.create_client("Phone", "--public", *addresses, *scopes(OPENID))
    keeps_a_session(phone, OAuth2Session, "none")
    acts_for_itself()
    proves_a_key()


if __name__ == "__main__":
    main()
