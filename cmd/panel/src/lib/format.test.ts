import { expect, it } from 'vitest'

import { dateTime, duration, promiseEnd, seconds, share, timeOfDay } from './format'

const now = Date.parse('2026-11-26T02:41:07Z')

it.each([
  [0, '00:00'],
  [151_900, '02:31'],
  [3_751_000, '1:02:31'],
  [-400, '00:00'],
  [NaN, '—'],
])('duration %d → %s', (ms, text) => expect(duration(ms)).toBe(text))

it.each([
  [0, 0, '—'],
  [3, 3, '100%'],
  [1, 3, '33.3%'],
  [9996, 10_000, '99.9%'],
  [19, 20, '95%'],
])('share %d of %d → %s', (part, whole, text) => expect(share(part, whole)).toBe(text))

it('says — for the average of nothing', () => {
  expect(seconds(null)).toBe('—')
  expect(seconds(151)).toBe('02:31')
})

it('tells instants in Beijing time, whatever the computer is set to', () => {
  expect(timeOfDay('2026-11-26T02:41:07Z')).toBe('10:41:07')
  expect(timeOfDay(null)).toBe('—')
  expect(dateTime('2026-11-26T00:30:00Z', 'zh-CN', now)).toBe('11月26日 周四 08:30')
  expect(dateTime('2026-11-26T00:30:00Z', 'en', now)).toBe('Thu 26 Nov 08:30')
  expect(dateTime('2025-12-31T16:00:00Z', 'zh-CN', now)).toBe('1月1日 周四 00:00')
  expect(dateTime('2025-07-02T01:00:00Z', 'zh-CN', now)).toBe('2025年7月2日 周三 09:00')
})

it('tells the exclusive end of a promise as 24:00 of its last day', () => {
  expect(promiseEnd('2026-12-03T16:00:00Z', 'zh-CN', now)).toBe('12月3日 周四 24:00')
  expect(promiseEnd('2026-12-31T16:00:00Z', 'zh-CN', now)).toBe('12月31日 周四 24:00')
})
