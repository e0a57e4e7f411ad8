import createClient, { type Middleware } from 'openapi-fetch'

import { clock } from '@/lib/clock'

import { asProblem, problemOf, Problem } from './problem'
import type { paths } from './types'

const pauses = [250, 1000] // before the second and the third try of one command
const patience = 10_000 // for one answer

// A command keeps its key through every try: the server answers a repeated one with its first answer.
async function steadfast(input: Request): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    const sent = Date.now()
    try {
      const answer = await fetch(new Request(input.clone(), { signal: AbortSignal.timeout(patience) }))
      clock.sawDate(answer.headers.get('Date'), sent, Date.now())
      const away = answer.status === 502 || answer.status === 503
      if (!away || attempt >= pauses.length) return answer
    } catch (err) {
      if (attempt >= pauses.length) throw err
    }
    await new Promise((done) => setTimeout(done, pauses[attempt]))
  }
}

const onLoginLost = new Set<() => void>()

// What happens when the server says that nobody is signed in any more.
export function whenLoginLost(act: () => void): void {
  onLoginLost.add(act)
}

// Commands whose answer never came, by what they say: nobody knows whether they had their effect. Said again by a person within
// the minute they are the same command, with the same key.
const unanswered = new Map<string, { key: string; at: number }>()
const minute = 60_000

async function keyed(request: Request): Promise<Response> {
  const said = `${request.method} ${request.url} ${await request.clone().text()}`
  const before = unanswered.get(said)
  const key = before && Date.now() - before.at < minute ? before.key : crypto.randomUUID()
  request.headers.set('Idempotency-Key', key)
  unanswered.delete(said)
  try {
    const answer = await steadfast(request)
    if (answer.status === 502 || answer.status === 503) unanswered.set(said, { key, at: Date.now() })
    return answer
  } catch (err) {
    unanswered.set(said, { key, at: Date.now() })
    throw err
  }
}

const languages: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', document.documentElement.lang)
    return request
  },
}

const http = createClient<paths>({ fetch: (r) => (r.method === 'GET' ? steadfast(r) : keyed(r)) })
http.use(languages)

interface Answer {
  data?: unknown
  error?: unknown
  response: Response
}

// ask unpacks an answer: its body, or a Problem thrown. What is sent is held to the server's description by the client; what
// comes back is named by the caller (types.ts).
export async function ask<T>(asked: Promise<Answer>): Promise<T> {
  let answer: Answer
  try {
    answer = await asked
  } catch (err) {
    throw asProblem(err)
  }
  if (answer.response.ok) return answer.data as T
  const problem = problemOf(answer.response.status, answer.error)
  if (problem.status === 401 && problem.code === 'login.required') onLoginLost.forEach((act) => act())
  throw problem
}

export { http, Problem }
