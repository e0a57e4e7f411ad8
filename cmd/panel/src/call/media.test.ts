// Transcripts, one line a second: what getStats() counts → what is told and done.
import { expect, it } from 'vitest'

import { deaf, hear, mends, silent, type Sample } from './media'

function follow(transcript: string): void {
  let h = deaf
  transcript.trim().split('\n').forEach((line, second) => {
    const [what = '', then] = line.trim().split(' → ')
    const at = second * 1000
    const due = !what.startsWith('held')
    const s: Sample = { at, received: what === 'nothing' ? null : Number(/\d+/.exec(what)?.[0] ?? 0), alive: !what.endsWith('dead') }
    h = hear(h, s, due)
    const mend = mends(h, s)
    if (mend) h = { ...h, mendedAt: at }
    expect(`${second}: ${what} → ${silent(h, at) ? (mend ? 'told, mended' : 'told') : 'quiet'}`).toBe(`${second}: ${what} → ${then}`)
  })
}

it('is quiet while packets come', () => follow(`
  0 → quiet
  40 → quiet
  90 → quiet
  140 → quiet`))

it('tells and mends a call that has no connection here after 3 s, and again after 10 (RU2)', () => follow(`
  nothing → quiet
  nothing → quiet
  nothing → quiet
  nothing → told, mended
  nothing → told
  0 → told
  40 → quiet
  nothing → quiet
  nothing → quiet
  nothing → told
  nothing → told
  nothing → told
  nothing → told
  nothing → told, mended`))

it('mends a connection that is dead, and only tells of one that answers', () => follow(`
  100 → quiet
  100 → quiet
  100 → quiet
  100 → told
  100 → told
  100 dead → told, mended`))

it('expects nothing while the citizen is on hold', () => follow(`
  100 → quiet
  held 100 → quiet
  held 100 → quiet
  held 100 → quiet
  held 100 → quiet
  100 → quiet
  100 → quiet
  100 → quiet
  100 → told`))
