import { expect, it } from 'vitest'

import { Clock } from './clock'

const at = Date.parse('2026-11-26T00:30:00Z')

it('corrects an office computer that is two minutes slow', () => {
  let local = at - 120_000
  const c = new Clock(() => local)
  c.sawDate(new Date(at).toUTCString(), local - 40, local)
  expect(Math.abs(c.now() - at)).toBeLessThanOrEqual(1000)
  c.sawInstant(new Date(at + 700).toISOString())
  expect(c.now()).toBe(at + 700)
  local += 5000
  expect(c.now()).toBe(at + 5700)
})

it('follows a clock that was set', () => {
  let local = at
  const c = new Clock(() => local)
  c.sawDate(new Date(at).toUTCString(), local, local)
  local += 3_600_000 // somebody sets the office computer
  c.sawDate(new Date(at + 5000).toUTCString(), local, local)
  expect(Math.abs(c.now() - (at + 5000))).toBeLessThanOrEqual(1000)
})

it('takes no harm from a missing or broken header', () => {
  const c = new Clock(() => at)
  c.sawDate(null, at, at)
  c.sawDate('yesterday', at, at)
  c.sawInstant('')
  expect(c.now()).toBe(at)
})
