// npm `openid-client`, a certified OpenID Connect client, with `oauth4webapi` below it as an API that checks JWTs.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import * as api from 'oauth4webapi'
import * as client from 'openid-client'
import { Person, createApi, createClient, flow, issuer, scopes } from './harness.mjs'

const CALLBACK = 'https://app.example/callback'
const GOODBYE = 'https://app.example/goodbye'
const TILES = 'https://tiles.example'
const ROADS = 'https://roads.example'
const OPENID = 'openid profile email offline_access'
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

const tilesApi = createApi(TILES, '--first-party', '--scope', 'tiles:read: See your tiles')
createApi(ROADS, '--scope', 'roads:read: See your roads', '--token-format', 'jwt')
const web = createClient('Web', '--redirect-uri', CALLBACK, '--post-logout-redirect-uri', GOODBYE, ...scopes(OPENID))

/** The library, told no more than our address and the client's credentials. */
async function discovered(record, authentication, algorithm = 'oidc') {
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], algorithm }
  return client.discovery(new URL(issuer), record.client_id, record.client_secret, authentication, options)
}

/** Sends a person to us and takes the answer to the token endpoint. */
async function logIn(config, more = {}, { person = new Person(), pushed = false, options } = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const challenge = { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
  const asked = { redirect_uri: CALLBACK, scope: OPENID, state, nonce, ...challenge, ...more }
  if (!asked.scope.includes('openid')) delete asked.nonce
  const { resource } = more
  const address = pushed
    ? await client.buildAuthorizationUrlWithPAR(config, asked, options)
    : client.buildAuthorizationUrl(config, asked)
  const answer = await person.visit(address)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: asked.nonce }
  if (asked.nonce) checks.idTokenExpected = true
  return client.authorizationCodeGrant(config, answer, checks, resource ? { resource } : undefined, options)
}

/** What the library throws when we refuse. */
async function refused(error, work, kind = client.ResponseBodyError) {
  await assert.rejects(work, (thrown) => thrown instanceof kind && thrown.error === error)
}

const config = await discovered(web)
let tokens
let sub

await flow('discovery, by both standards', async () => {
  const oauth = await discovered(web, undefined, 'oauth2')
  assert.deepEqual(config.serverMetadata(), oauth.serverMetadata())
  assert.equal(config.serverMetadata().issuer, issuer)
  assert.ok(config.serverMetadata().supportsPKCE())
})

await flow('code, PKCE, nonce, and an ID token that holds', async () => {
  tokens = await logIn(config, { max_age: '600' })
  const claims = tokens.claims()
  sub = claims.sub
  assert.equal(claims.aud, web.client_id)
  assert.ok(Math.abs(claims.auth_time - Date.now() / 1000) < 60)
  assert.deepEqual(tokens.scope.split(' ').sort(), OPENID.split(' ').sort())
  assert.ok(tokens.expiresIn() > 3500)
})

await flow('userinfo', async () => {
  const info = await client.fetchUserInfo(config, tokens.access_token, sub)
  assert.equal(info.preferred_username, 'alice')
  assert.equal(info.email, 'alice@people.example')
  await assert.rejects(client.fetchUserInfo(config, 'noise', sub), client.WWWAuthenticateChallengeError)
})

await flow('refresh, with an ID token', async () => {
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.equal(fresh.claims().sub, sub)
  assert.notEqual(fresh.access_token, tokens.access_token)
  tokens = { refresh_token: tokens.refresh_token, ...fresh }
  assert.equal((await client.fetchUserInfo(config, fresh.access_token, sub)).sub, sub)
})

await flow('introspection and revocation', async () => {
  const seen = await client.tokenIntrospection(config, tokens.access_token)
  assert.deepEqual([seen.active, seen.sub, seen.client_id], [true, sub, web.client_id])
  await client.tokenRevocation(config, tokens.access_token)
  assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false })
  await client.tokenRevocation(config, tokens.refresh_token, { token_type_hint: 'access_token' })
  await refused('invalid_grant', () => client.refreshTokenGrant(config, tokens.refresh_token))
})

await flow('logout by the app, back to the app', async () => {
  const person = new Person()
  const { id_token } = await logIn(config, {}, { person })
  const asked = { id_token_hint: id_token, post_logout_redirect_uri: GOODBYE, state: 'x y' }
  const end = await person.visit(client.buildEndSessionUrl(config, asked))
  assert.equal(end.href, `${GOODBYE}?state=x+y`)
  const silently = () => logIn(config, { prompt: 'none' }, { person })
  await refused('login_required', silently, client.AuthorizationResponseError)
})

await flow('a person who declines', async () => {
  const [person, again] = [new Person('deny'), { prompt: 'consent' }]
  await refused('access_denied', () => logIn(config, again, { person }), client.AuthorizationResponseError)
})

await flow('pushed authorization requests', async () => {
  assert.equal((await logIn(config, {}, { pushed: true })).claims().sub, sub)
})

await flow('answers by form_post', async () => {
  assert.equal((await logIn(config, { response_mode: 'form_post' })).claims().sub, sub)
})

await flow('client_secret_basic, client_secret_post, and a wrong secret', async () => {
  for (const method of [client.ClientSecretBasic, client.ClientSecretPost]) {
    const given = await logIn(await discovered(web, method(web.client_secret)))
    assert.equal(given.claims().sub, sub)
  }
  const wrong = await discovered(web, client.ClientSecretPost('wrong'))
  // RFC 9110 §15.5.2: a 401 says how to do it right, and the library then throws that.
  await assert.rejects(client.refreshTokenGrant(wrong, 'noise'), (thrown) => thrown.cause[0].scheme === 'basic')
})

await flow('a public client: no secret, ES256, refresh tokens that rotate', async () => {
  const es256 = ['--id-token-signed-response-alg', 'ES256']
  const spa = createClient('Browser', '--public', '--redirect-uri', CALLBACK, ...scopes(OPENID), ...es256)
  const metadata = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
  const known = { id_token_signed_response_alg: 'ES256' }
  const bare = await client.discovery(new URL(issuer), spa.client_id, known, client.None(), metadata)
  const first = await logIn(bare)
  const second = await client.refreshTokenGrant(bare, first.refresh_token)
  assert.notEqual(second.refresh_token, first.refresh_token)
  assert.equal((await client.fetchUserInfo(bare, second.access_token, sub)).sub, sub)
  await client.tokenRevocation(bare, second.refresh_token)
  await refused('invalid_grant', () => client.refreshTokenGrant(bare, second.refresh_token))
})

await flow('client credentials: an opaque token, and a JWT that its API checks', async () => {
  const acting = ['--grant-type', 'client_credentials', ...scopes('tiles:read roads:read')]
  const nightly = await discovered(createClient('Nightly', ...acting), undefined, 'oauth2')
  const opaque = await client.clientCredentialsGrant(nightly, { scope: 'tiles:read', resource: TILES })
  const tiles = await discovered(tilesApi, undefined, 'oauth2')
  const seen = await client.tokenIntrospection(tiles, opaque.access_token)
  assert.deepEqual([seen.active, seen.scope, seen.aud], [true, 'tiles:read', TILES])
  const jwt = await client.clientCredentialsGrant(nightly, { scope: 'roads:read', resource: ROADS })
  const request = new Request(`${ROADS}/map`, { headers: { Authorization: `Bearer ${jwt.access_token}` } })
  const insecure = { [api.allowInsecureRequests]: true }
  const claims = await api.validateJwtAccessToken(nightly.serverMetadata(), request, ROADS, insecure)
  assert.deepEqual([claims.scope, claims.sub], ['roads:read', nightly.clientMetadata().client_id])
  await refused('invalid_scope', () => client.clientCredentialsGrant(nightly, { scope: 'projects' }))
  await refused('invalid_target', () => client.clientCredentialsGrant(nightly, { resource: 'https://x.example' }))
})

await flow('a device', async () => {
  const record = createClient('Wall map', '--public', '--grant-type', DEVICE, ...scopes('tiles:read'))
  const wall = await discovered(record, client.None(), 'oauth2')
  const started = await client.initiateDeviceAuthorization(wall, { scope: 'tiles:read' })
  await new Person().visit(started.verification_uri_complete)
  const given = await client.pollDeviceAuthorizationGrant(wall, started)
  assert.equal(given.scope, 'tiles:read')
  await refused('invalid_grant', () => client.pollDeviceAuthorizationGrant(wall, { ...started, interval: 0 }))
})

await flow('token exchange: a person\'s own token becomes one for an API', async () => {
  const record = createClient('Gateway', '--grant-type', EXCHANGE, ...scopes('tiles:read'))
  const gateway = await discovered(record, undefined, 'oauth2')
  const body = JSON.stringify({ username: 'alice', password: 'correct horse battery' })
  const headers = { 'Content-Type': 'application/json' }
  const own = await (await fetch(`${issuer}/v3/account/login`, { method: 'POST', headers, body })).json()
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
  const asked = { subject_token: own.token, subject_token_type, audience: TILES, scope: 'tiles:read' }
  const given = await client.genericGrantRequest(gateway, EXCHANGE, asked)
  const tiles = await discovered(tilesApi, undefined, 'oauth2')
  const seen = await client.tokenIntrospection(tiles, given.access_token)
  assert.deepEqual([seen.active, seen.sub], [true, sub])
})

await flow('DPoP: from the pushed request to userinfo and refresh', async () => {
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const options = { DPoP }
  const bound = await logIn(config, {}, { options, pushed: true })
  assert.equal(bound.token_type, 'dpop')
  assert.equal((await client.fetchUserInfo(config, bound.access_token, sub, options)).sub, sub)
  await assert.rejects(client.fetchUserInfo(config, bound.access_token, sub), client.WWWAuthenticateChallengeError)
  const fresh = await client.refreshTokenGrant(config, bound.refresh_token, undefined, options)
  const other = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) }
  await assert.rejects(client.fetchUserInfo(config, fresh.access_token, sub, other))
  const seen = await client.tokenIntrospection(config, fresh.access_token)
  assert.deepEqual([seen.token_type, seen.cnf.jkt], ['DPoP', await DPoP.calculateThumbprint()])
})

await flow('DPoP binds a public client\'s refresh token', async () => {
  const spa = createClient('Bound', '--public', '--redirect-uri', CALLBACK, ...scopes(OPENID))
  const bare = await discovered(spa, client.None())
  const options = { DPoP: client.getDPoPHandle(bare, await client.randomDPoPKeyPair('ES256')) }
  const bound = await logIn(bare, {}, { options })
  await assert.rejects(client.refreshTokenGrant(bare, bound.refresh_token), (thrown) => thrown.status >= 400)
  const fresh = await client.refreshTokenGrant(bare, bound.refresh_token, undefined, options)
  assert.equal(fresh.token_type, 'dpop')
})

for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519']) {
  await flow(`private_key_jwt, ${algorithm}`, async () => {
    const { privateKey, publicKey } = await api.generateKeyPair(algorithm, { extractable: true })
    const file = `${process.env.CLIENTS_FOLDER}/${algorithm}.json`
    writeFileSync(file, JSON.stringify({ keys: [{ ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'k' }] }))
    const record = createClient(`Signs ${algorithm}`, '--redirect-uri', CALLBACK, ...scopes(OPENID), '--jwks', file)
    assert.equal(record.client_secret, undefined)
    const signing = await discovered(record, client.PrivateKeyJwt({ key: privateKey, kid: 'k' }))
    const given = await logIn(signing, {}, { pushed: true })
    assert.equal(given.claims().sub, sub)
    await client.tokenRevocation(signing, given.refresh_token)
    await refused('invalid_grant', () => client.refreshTokenGrant(signing, given.refresh_token))
  })
}

await flow('dynamic registration', async () => {
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
  const grant_types = ['authorization_code', 'refresh_token']
  const wishes = { client_name: 'Newcomer', redirect_uris: [CALLBACK], grant_types }
  const newcomer = await client.dynamicClientRegistration(new URL(issuer), wishes, undefined, options)
  const stored = newcomer.clientMetadata()
  assert.equal(stored.token_endpoint_auth_method, 'client_secret_basic')
  const given = await logIn(newcomer, { scope: 'openid email' })
  assert.equal((await client.fetchUserInfo(newcomer, given.access_token, sub)).sub, sub)
  await client.refreshTokenGrant(newcomer, given.refresh_token)
  const headers = { Authorization: `Bearer ${stored.registration_access_token}` }
  assert.equal((await fetch(stored.registration_client_uri, { headers })).status, 200)
  assert.equal((await fetch(stored.registration_client_uri, { method: 'DELETE', headers })).status, 204)
})
