import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { coalesced } from './coalesce'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('runs at once, gathers a burst, and runs once more after it', async () => {
  let runs = 0
  const ask = coalesced(async () => {
    runs++
  }, 250)
  ask()
  expect(runs).toBe(1)
  for (let i = 0; i < 40; i++) {
    ask()
    await vi.advanceTimersByTimeAsync(25)
  }
  expect(runs).toBeGreaterThanOrEqual(4)
  expect(runs).toBeLessThanOrEqual(5)
  await vi.advanceTimersByTimeAsync(1000)
  const settled = runs
  await vi.advanceTimersByTimeAsync(5000)
  expect(runs).toBe(settled)
})

it('goes on after a failure', async () => {
  let runs = 0
  const ask = coalesced(async () => {
    runs++
    throw new Error('away')
  }, 10)
  ask()
  await vi.advanceTimersByTimeAsync(20)
  ask()
  await vi.advanceTimersByTimeAsync(20)
  expect(runs).toBe(2)
})
