// npm `@modelcontextprotocol/sdk`: an MCP server that asks us about tokens (the SDK's own middleware), and the
// SDK's client, which is told the MCP server's address and finds everything else by itself.

import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { UnauthorizedError, auth } from '@modelcontextprotocol/sdk/client/auth.js'
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { InvalidTargetError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import {
  getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { Person, createApi, createClient, flow, issuer, scopes } from './harness.mjs'

const CALLBACK = 'http://127.0.0.1:3118/callback'
const SCOPE = 'notes:read'

/** Asks us about a token, as RFC 7662 says. */
async function introspect(credentials, token) {
  const basic = Buffer.from(`${credentials.client_id}:${credentials.client_secret}`).toString('base64')
  const body = new URLSearchParams({ token })
  const headers = { Authorization: `Basic ${basic}` }
  return (await fetch(`${issuer}/oauth/introspect`, { method: 'POST', headers, body })).json()
}

/** An MCP server with one tool; its address is the API's identifier. */
async function start() {
  const app = createMcpExpressApp()
  const listening = await new Promise((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => resolve(started))
  })
  const url = new URL(`http://127.0.0.1:${listening.address().port}/mcp`)
  const credentials = createApi(url.href, '--scope', `${SCOPE}: Read your notes`)
  const oauthMetadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: [SCOPE] }))
  const verifier = {
    async verifyAccessToken(token) {
      const seen = await introspect(credentials, token)
      if (!seen.active) throw new InvalidTokenError('The token is not active')
      const resource = new URL(seen.aud)
      return { token, clientId: seen.client_id, scopes: seen.scope.split(' '), expiresAt: seen.exp, resource }
    },
  }
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(url)
  const guard = requireBearerAuth({ verifier, requiredScopes: [SCOPE], resourceMetadataUrl, expectedResource: url })
  app.all('/mcp', guard, async (request, response) => {
    const server = new McpServer({ name: 'notes', version: '1' })
    const text = `a note for ${request.auth.clientId}`
    server.registerTool('read', { description: 'Reads a note' }, () => ({ content: [{ type: 'text', text }] }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(request, response, request.body)
  })
  return { url, stop: () => listening.closeAllConnections() ?? listening.close() }
}

/** What a program remembers between runs; it opens the address that the SDK gives it. */
class Memory {
  redirectUrl = CALLBACK
  #saved = {}

  constructor(record, more = {}) {
    this.#saved.client = record
    this.clientMetadata = { client_name: 'Notes reader', redirect_uris: [CALLBACK], ...more }
  }

  clientInformation = () => this.#saved.client
  saveClientInformation = (client) => { this.#saved.client = client }
  tokens = () => this.#saved.tokens
  saveTokens = (tokens) => { this.#saved.tokens = tokens }
  codeVerifier = () => this.#saved.verifier
  saveCodeVerifier = (verifier) => { this.#saved.verifier = verifier }
  state = () => 'a state of ours'
  redirectToAuthorization = (address) => { this.address = address }
}

/** Connects, is sent to us, logs in, connects again, and calls the tool. */
async function reads(url, provider) {
  const reader = new Client({ name: 'reader', version: '1' })
  const refused = new StreamableHTTPClientTransport(url, { authProvider: provider })
  await assert.rejects(reader.connect(refused), UnauthorizedError)
  const asked = provider.address.searchParams
  assert.deepEqual([asked.get('resource'), asked.get('code_challenge_method')], [url.href, 'S256'])
  const back = await new Person().visit(provider.address)
  const answer = Object.fromEntries(back.searchParams)
  assert.deepEqual([answer.state, answer.iss], ['a state of ours', issuer])
  await refused.finishAuth(answer.code)
  return readsAgain(url, provider)
}

/** Calls the tool with what is remembered. */
async function readsAgain(url, provider) {
  const reader = new Client({ name: 'reader', version: '1' })
  await reader.connect(new StreamableHTTPClientTransport(url, { authProvider: provider }))
  const { content } = await reader.callTool({ name: 'read' })
  await reader.close()
  return content[0].text
}

/** A token that is over is replaced without the person. */
async function goesOn(url, provider) {
  const before = provider.tokens()
  provider.saveTokens({ ...before, access_token: 'over' })
  await readsAgain(url, provider)
  assert.notEqual(provider.tokens().access_token, 'over')
  return [before, provider.tokens()]
}

const mcp = await start()
const grants = ['--grant-type', 'authorization_code', '--grant-type', 'refresh_token']

await flow('a public client: resource metadata, discovery, PKCE, resource, and a tool is called', async () => {
  const record = createClient('Reader', '--public', '--redirect-uri', CALLBACK, ...grants, ...scopes(SCOPE))
  const provider = new Memory({ client_id: record.client_id, issuer })
  assert.equal(await reads(mcp.url, provider), `a note for ${record.client_id}`)
  const [before, after] = await goesOn(mcp.url, provider)
  assert.notEqual(after.access_token, before.access_token)
  assert.notEqual(after.refresh_token, before.refresh_token)
})

await flow('a client with a secret', async () => {
  const record = createClient('Server', '--redirect-uri', CALLBACK, ...grants, ...scopes(SCOPE))
  const provider = new Memory({ client_id: record.client_id, client_secret: record.client_secret, issuer })
  assert.equal(await reads(mcp.url, provider), `a note for ${record.client_id}`)
  const [before, after] = await goesOn(mcp.url, provider)
  assert.equal(after.refresh_token, before.refresh_token)
})

await flow('a client that registers itself', async () => {
  const provider = new Memory(undefined, { grant_types: ['authorization_code', 'refresh_token'] })
  const note = await reads(mcp.url, provider)
  assert.equal(note, `a note for ${provider.clientInformation().client_id}`)
  await goesOn(mcp.url, provider)
})

await flow('a program that acts for itself', async () => {
  const record = createClient('Nightly', '--grant-type', 'client_credentials', ...scopes(SCOPE))
  const { client_id: clientId, client_secret: clientSecret } = record
  const provider = new ClientCredentialsProvider({ clientId, clientSecret, scope: SCOPE, expectedIssuer: issuer })
  assert.equal(await readsAgain(mcp.url, provider), `a note for ${clientId}`)
})

await flow('a token for another API opens nothing here', async () => {
  const other = 'https://other.example'
  createApi(other, '--scope', 'other:read: Read others')
  const record = createClient('Stray', '--grant-type', 'client_credentials', ...scopes('other:read'))
  const { client_id: clientId, client_secret: clientSecret } = record
  const scope = 'other:read'
  const provider = new ClientCredentialsProvider({ clientId, clientSecret, scope, expectedIssuer: issuer })
  provider.validateResourceURL = async () => new URL('https://unknown.example')
  await assert.rejects(auth(provider, { serverUrl: mcp.url }), InvalidTargetError)
  // A URL type writes the address with a slash at its end; it is the same one (RFC 3986 §6.2.3).
  for (const resource of [new URL(other), undefined]) {
    provider.validateResourceURL = async () => resource
    assert.equal(await auth(provider, { serverUrl: mcp.url }), 'AUTHORIZED')
    const headers = { Authorization: `Bearer ${provider.tokens().access_token}` }
    assert.equal((await fetch(mcp.url, { method: 'POST', headers })).status, 401)
  }
})

mcp.stop()
