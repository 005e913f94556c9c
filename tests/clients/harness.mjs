// What the client scripts for Node share; `harness.py` says the same in Python.

import { execFileSync } from 'node:child_process'

export const issuer = process.env.CLIENTS_ISSUER
const USERNAME = 'alice'
const PASSWORD = 'correct horse battery'

/** Runs one of the operator's commands and reads the JSON that it prints. */
export function command(...words) {
  const settings = { GATEPOST_LISTEN: '127.0.0.1:0', GATEPOST_OPS_LISTEN: '', GATEPOST_PASSWORD_BCRYPT_COST: '10' }
  const folder = process.env.CLIENTS_FOLDER
  const options = { cwd: folder, env: { TMPDIR: folder, ...settings }, encoding: 'utf8' }
  return JSON.parse(execFileSync(process.env.CLIENTS_PROGRAM, [...words, '--json'], options))
}

export const createClient = (name, ...words) =>
  command('client', 'create', '--name', name, '--owner', USERNAME, ...words)
export const createApi = (identifier, ...words) =>
  command('api', 'create', '--identifier', identifier, '--name', 'Maps', ...words)

/** Scopes as arguments of `client create`. */
export const scopes = (text) => text.split(' ').flatMap((scope) => ['--scope', scope])

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#38': '&', '#39': "'", '#60': '<', '#62': '>' }
const decoded = (text) => text.replace(/&(#?\w+);/g, (whole, name) => ENTITIES[name] ?? whole)

function attributes(tag) {
  const found = [...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, decoded(value)])
  return Object.fromEntries(found)
}

/** The last form on a page, as far as a browser would send it. */
function lastForm(page) {
  const start = page.lastIndexOf('<form')
  if (start < 0) return undefined
  const text = page.slice(start)
  const fields = {}
  for (const [tag] of text.matchAll(/<input[^>]*>/g)) {
    const { name, value } = attributes(tag)
    if (name) fields[name] = value ?? ''
  }
  const action = attributes(text.slice(0, text.indexOf('>'))).action
  return { action, fields, decides: /<button[^>]*name="decision" value="allow"/.test(text) }
}

/** Alice with a browser: logs in where asked, allows (or does not), and ends at the app's address. */
export class Person {
  #cookies = new Map()

  constructor(decision = 'allow') {
    this.decision = decision
  }

  /** Follows redirects as long as they stay here: the last address, and its page if it is here. */
  async #open(url, body) {
    for (let redirect = 0; redirect < 10; redirect += 1) {
      if (!url.startsWith(`${issuer}/`)) return { url }
      const headers = { 'Sec-Fetch-Site': 'same-origin', 'User-Agent': 'Mozilla/5.0' }
      if (this.#cookies.size) headers.Cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(url, { method: body ? 'POST' : 'GET', body, headers, redirect: 'manual' })
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
        if (value) this.#cookies.set(name, value)
        else this.#cookies.delete(name)
      }
      const location = answer.headers.get('location')
      const page = await answer.text()
      if (!location) {
        if (!answer.ok) throw new Error(`${url}: ${answer.status} ${page}`)
        return { url, page }
      }
      url = new URL(location, url).href
      body = undefined
    }
    throw new Error(`the redirects do not end: ${url}`)
  }

  /**
   * Answers each page of the server: the address of the app that it ends at, as a URL; a `Request` when the
   * answer is posted there (`response_mode=form_post`); or the last page's text.
   */
  async visit(url) {
    let { url: at, page } = await this.#open(String(url))
    for (let count = 0; count < 10; count += 1) {
      if (page === undefined) return new URL(at)
      const form = lastForm(page)
      if (!form) return page
      const target = new URL(form.action, at).href
      const body = new URLSearchParams(form.fields)
      if (!target.startsWith(`${issuer}/`)) return new Request(target, { method: 'POST', body })
      if (body.has('password')) {
        body.set('username', USERNAME)
        body.set('password', PASSWORD)
      } else if (form.decides) {
        body.set('decision', this.decision)
      } else if (!body.get('user_code')) {
        return page
      }
      ;({ url: at, page } = await this.#open(target, body))
    }
    throw new Error(`the forms do not end: ${at}`)
  }
}

/** Runs a flow and says that it went through: `run` counts these lines. */
export async function flow(name, work) {
  try {
    await work()
  } catch (error) {
    console.error(`failed: ${name}`)
    throw error
  }
  console.log(`ok: ${name}`)
}
