import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { Ringer } from './ringer'

let ringer: Ringer
beforeEach(() => {
  vi.useFakeTimers()
  const node = { connect: (x: unknown) => x, gain: { setValueAtTime: () => undefined, linearRampToValueAtTime: () => undefined, exponentialRampToValueAtTime: () => undefined }, frequency: {}, start: () => undefined, stop: () => undefined }
  vi.stubGlobal('AudioContext', class {
    currentTime = 0
    resume = () => Promise.resolve()
    close = () => Promise.resolve()
    createGain = () => node
    createOscillator = () => node
  })
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  ringer = new Ringer(() => '热线')
})
afterEach(() => {
  ringer.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('tells in the title who calls now, and not who called before (RU14)', () => {
  ringer.ring('来电 甲')
  expect(document.title).toBe('来电 甲')
  vi.advanceTimersByTime(1000)
  expect(document.title).toBe('热线')
  ringer.ring('来电 乙')
  expect(document.title).toBe('来电 乙')
  vi.advanceTimersByTime(2000)
  expect(document.title).toBe('来电 乙')
  ringer.ring('')
  expect(document.title).toBe('热线')
  vi.advanceTimersByTime(5000)
  expect(document.title).toBe('热线')
})
