// A command whose answer was lost, said again by a person, is the same command (RU5, F-rules of the door).
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { ask, http } from './client'

const keys: (string | null)[] = []
let answers: (Response | Error)[] = []
beforeEach(() => {
  vi.useFakeTimers()
  keys.length = 0
  vi.stubGlobal('fetch', (r: Request) => {
    keys.push(r.headers.get('Idempotency-Key'))
    const a = answers.shift() ?? new Response(null, { status: 204 })
    return a instanceof Error ? Promise.reject(a) : Promise.resolve(a)
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function hangUp(version: number): Promise<unknown> {
  const done = ask(http.POST('/api/v1/calls/{call}/hangup', { baseUrl: 'http://hall', params: { path: { call: 'c' } }, body: { version } })).then(() => 'done', (err: Error) => err.name)
  await vi.runAllTimersAsync()
  return done
}
const lost = (): Error[] => [0, 1, 2].map(() => new TypeError('network'))

it('keeps its key through the tries, and when it is said again', async () => {
  answers = lost()
  expect(await hangUp(3)).toBe('Problem')
  expect(await hangUp(3)).toBe('done')
  expect(new Set(keys).size).toBe(1)
  expect(keys).toHaveLength(4)
})

it('has another key once it was answered, when it says something else, and after a minute', async () => {
  await hangUp(3)
  await hangUp(3)
  expect(new Set(keys).size).toBe(2)
  answers = lost()
  await hangUp(4)
  await hangUp(5)
  expect(new Set(keys).size).toBe(4)
  vi.setSystemTime(Date.now() + 61_000)
  await hangUp(4)
  expect(new Set(keys).size).toBe(5)
})
