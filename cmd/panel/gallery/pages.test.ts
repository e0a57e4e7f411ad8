// A page that is added without a scenario is a page nobody looks at.
import { expect, it } from 'vitest'

import { router } from '@/router'

import { scenarios } from './scenarios'

it('every page of the panel has a scenario', () => {
  const drawn = new Set(scenarios.flatMap((s) => router.resolve(s.path).matched.map((m) => m.path)))
  drawn.add(router.resolve('/denied').matched.at(-1)!.path) // comes by itself, where somebody may not be
  expect(router.getRoutes().map((r) => r.path).filter((p) => !drawn.has(p) && p !== '/')).toEqual([])
  expect(scenarios.some((s) => s.name === 'denied')).toBe(true)
})
