import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Problem } from '@/api/problem'
import type { Ticket } from '@/api/types'

import { both, clashes, dirty, edit, fresh, missing, rebase, saved, sendable, settle, shown, type Draft, type Edits, type Field, type Seen, type Unsaved } from './draft'
import { Saver } from './saver'

function ticket(over: Partial<Ticket> = {}): Ticket {
  return {
    id: 't1', number: '', query_code: '4821', kind: 'call', call: 'c1', masked: '138****5678', place: '合肥',
    call_times: { arrived_at: '2026-11-26T00:30:00Z', answered_at: null, ended_at: null }, session_number: 41, seat: 'A01',
    official_name: '', state: 'draft', class: '', outcome: '', title: '', content: '', answer: '', contact_name: '',
    event_place: '', confidential: false, opened_at: '2026-11-26T00:30:00Z', registered_at: null, closed_at: null, version: 1,
    promise: null, written: {}, ...over,
  }
}

const draft = (over: Partial<Ticket> = {}): Draft => fresh(ticket(over))

const by = (name: string, version: number) => ({ version, by: name, at: '2026-11-26T00:31:00Z' })

describe('rebase', () => {
  it('keeps own typing and takes the words of the other in untouched fields', () => {
    let d = edit(draft(), 'title', '异地就医备案')
    d = rebase(d, ticket({ version: 2, title: '医保', content: '在南京住院', outcome: 'answered' }))
    expect(shown(d)).toMatchObject({ title: '异地就医备案', content: '在南京住院', outcome: 'answered', version: 2 })
    expect(d.edits).toEqual({ title: '异地就医备案' })
  })

  it('forgets an edit that says what the server already has', () => {
    const d = rebase(edit(draft(), 'outcome', 'answered'), ticket({ version: 2, outcome: 'answered' }))
    expect(dirty(d)).toBe(false)
    expect(dirty(edit(edit(draft(), 'title', 'a'), 'title', ''))).toBe(false)
  })

  it('ignores an answer that was overtaken', () => {
    const d = draft({ version: 5, title: 'new' })
    expect(rebase(d, ticket({ version: 4, title: 'old' }))).toBe(d)
  })

  it('keeps what was typed while a patch was on its way', () => {
    let d = edit(draft(), 'title', '异地')
    const sent = d.edits
    d = edit(d, 'title', '异地就医')
    d = saved(d, sent, ticket({ version: 2, title: '异地' }))
    expect(d.edits).toEqual({ title: '异地就医' })
    expect(shown(d).title).toBe('异地就医')
  })
})

describe('two people in one field (RC6)', () => {
  const typed = (): Draft => edit(edit(edit(draft(), 'title', '异地就医'), 'content', '在南京住院'), 'event_place', '南京')
  const theirs = (over: Partial<Ticket>, ...who: Field[]): Ticket =>
    ticket({ version: 5, ...over, written: Object.fromEntries(who.map((f) => [f, by('李四', 5)])) })

  it('is told, keeps what was typed, and saves the rest', () => {
    const d = rebase(typed(), theirs({ title: '医保', answer: '已告知' }, 'title', 'answer'))
    expect(clashes(d)).toEqual(['title'])
    expect(shown(d)).toMatchObject({ title: '异地就医', answer: '已告知' })
    expect(sendable(d)).toEqual({ content: '在南京住院', event_place: '南京' })
    expect(clashes(edit(d, 'title', '异地就医备案'))).toEqual(['title'])
  })

  it('is no clash in another field, nor when both wrote the same', () => {
    expect(clashes(rebase(typed(), theirs({ answer: '已告知' }, 'answer')))).toEqual([])
    expect(clashes(rebase(typed(), theirs({ title: '异地就医' }, 'title')))).toEqual([])
    expect(clashes(edit(rebase(draft(), theirs({ title: '医保' }, 'title')), 'title', '医保报销'))).toEqual([])
  })

  it('ends with the choice of the person', () => {
    const d = rebase(typed(), theirs({ title: '医保', content: '要报销' }, 'title', 'content'))
    const mine = settle(d, 'title', 'mine')
    expect([clashes(mine), sendable(mine).title, mine.seen.title]).toEqual([['content'], '异地就医', 5])
    expect(shown(settle(d, 'title', 'theirs')).title).toBe('医保')
    expect(sendable(settle(d, 'content', 'both')).content).toBe('要报销\n在南京住院')
    expect(clashes(rebase(mine, ticket({ ...mine.base, version: 6, title: '又改', written: { title: by('李四', 6) } })))).toEqual(['title'])
  })

  it('loses no word of who leaves without choosing', () => {
    const d = both(rebase(typed(), theirs({ title: '医保', content: '要报销', event_place: '合肥' }, 'title', 'content', 'event_place')))
    expect(clashes(d)).toEqual([])
    expect(shown(d)).toMatchObject({ title: '医保', event_place: '合肥', content: '要报销\n在南京住院\n异地就医\n南京' })
  })
})

it('names what registration still needs', () => {
  expect(missing(ticket())).toEqual(['title', 'class', 'outcome'])
  expect(missing(ticket({ title: ' ', class: 'other', outcome: 'ticket' }))).toEqual(['title'])
  expect(missing(ticket({ title: 'a', class: 'other', outcome: 'answered' }))).toEqual(['answer'])
  expect(missing(ticket({ title: 'a', outcome: 'no_content' }))).toEqual([])
})

// A server of one ticket that fences by the versions of fields, as the real one does.
function setup(start: Partial<Ticket> = {}) {
  let row = ticket(start)
  const patches: Edits[] = []
  const kept = new Map<string, Unsaved>()
  const write = (name: string, edits: Edits): Ticket => {
    const version = row.version + 1
    const written = { ...row.written }
    for (const f of Object.keys(edits)) written[f] = by(name, version)
    return (row = { ...row, ...edits, version, written })
  }
  const t = {
    fail: null as Problem | null,
    lost: false, // the answer to a save that was carried out
    other(edits: Edits) {
      write('李四', edits)
    },
    row: () => row,
    patches,
    kept,
    saver: () =>
      new Saver(row, {
        save: async (_, version, edits, seen: Seen) => {
          await Promise.resolve()
          if (t.fail) throw t.fail
          const late = (Object.keys(edits) as Field[]).filter((f) => row[f] !== edits[f] && (row.written[f]?.version ?? 0) > (seen[f] ?? version))
          if (late.length > 0) throw new Problem(409, 'ticket.clash', '', late.map((f) => ({ location: `body.${f}` })), row)
          patches.push(edits)
          const answer = write('我', edits)
          if (t.lost) throw new Problem(0, 'unreachable')
          return answer
        },
        read: async () => row,
        register: async (_, version) => {
          if (version !== row.version) throw new Problem(409, 'version.stale')
          row = { ...row, state: 'registered', number: '2026-1', version: row.version + 1 }
          return row
        },
        now: () => 42,
        keep: {
          get: (id) => kept.get(id) ?? null,
          set: (id, edits) => void (edits ? kept.set(id, edits) : kept.delete(id)),
        },
      }),
  }
  return t
}

describe('the saver', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('saves the changed fields once the keys rest', async () => {
    const t = setup()
    const s = t.saver()
    for (const text of ['异', '异地', '异地就医']) {
      s.type('title', text)
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(t.patches).toEqual([])
    await vi.advanceTimersByTimeAsync(400)
    expect(t.patches).toEqual([{ title: '异地就医' }])
    expect(s.state).toBe('clean')
    expect(s.savedAt).toBe(42)
  })

  it('rebases over the words of the other and tries again', async () => {
    const t = setup()
    const s = t.saver()
    s.type('title', '异地就医')
    t.other({ outcome: 'answered' })
    await vi.advanceTimersByTimeAsync(400)
    expect(t.row()).toMatchObject({ title: '异地就医', outcome: 'answered' })
    expect(s.ticket.outcome).toBe('answered')
    expect(s.state).toBe('clean')
  })

  it('keeps trying while the server is away, and loses nothing', async () => {
    const t = setup()
    const s = t.saver()
    t.fail = new Problem(0, 'unreachable')
    s.type('content', '在南京住院')
    await vi.advanceTimersByTimeAsync(500)
    expect(s.state).toBe('retrying')
    expect(t.kept.get('t1')).toEqual({ edits: { content: '在南京住院' }, seen: { content: 1 } })
    t.fail = null
    await vi.advanceTimersByTimeAsync(2000)
    expect(t.row().content).toBe('在南京住院')
    expect(t.kept.size).toBe(0)
  })

  it('does not repeat what was refused until it is mended', async () => {
    const t = setup()
    const s = t.saver()
    t.fail = new Problem(422, 'validation', '', [{ location: 'body.title' }])
    s.type('title', 'x'.repeat(300))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(s.state).toBe('refused')
    expect(s.problem?.fields).toEqual(['title'])
    t.fail = null
    s.type('title', 'x')
    await vi.advanceTimersByTimeAsync(400)
    expect(t.row().title).toBe('x')
  })

  it('takes up after a reload what had not been saved', async () => {
    const t = setup()
    t.kept.set('t1', { edits: { answer: '已告知备案办法' }, seen: { answer: 1 } })
    const s = t.saver()
    expect(s.ticket.answer).toBe('已告知备案办法')
    await vi.advanceTimersByTimeAsync(400)
    expect(t.row().answer).toBe('已告知备案办法')
  })

  it('keeps what is typed while a save is on its way', async () => {
    const t = setup()
    const s = t.saver()
    s.type('outcome', 'answered')
    const flushed = s.flush()
    s.type('title', '异地就医')
    await flushed
    expect(s.ticket).toMatchObject({ title: '异地就医', outcome: 'answered' })
    expect(t.row()).toMatchObject({ title: '异地就医', outcome: 'answered' })
  })

  it('keeps what is typed while it rereads after a change of the other', async () => {
    const t = setup()
    const s = t.saver()
    s.type('outcome', 'answered')
    t.other({ event_place: '南京' })
    const flushed = s.flush()
    await Promise.resolve()
    await Promise.resolve()
    s.type('title', '异地就医')
    await flushed
    expect(t.row()).toMatchObject({ title: '异地就医', outcome: 'answered', event_place: '南京' })
  })

  it('saves before it registers, and registers over a change of the other', async () => {
    const t = setup()
    const s = t.saver()
    s.type('title', '异地就医')
    s.type('class', 'consultation')
    t.other({ event_place: '南京' })
    const done = await s.register()
    expect(done).toMatchObject({ state: 'registered', title: '异地就医', event_place: '南京' })
  })

  it('asks where the other was first, saves the rest, and what is chosen', async () => {
    const t = setup()
    const s = t.saver()
    s.type('title', '异地就医')
    s.type('content', '在南京住院')
    t.other({ title: '医保' })
    await vi.advanceTimersByTimeAsync(400)
    expect(t.row()).toMatchObject({ title: '医保', content: '在南京住院' })
    expect([s.state, s.clashes, s.ticket.title]).toEqual(['clashing', ['title'], '异地就医'])
    expect(t.kept.get('t1')).toEqual({ edits: { title: '异地就医' }, seen: { title: 1 } })
    await expect(s.register()).rejects.toMatchObject({ code: 'ticket.clash' })
    expect(t.saver().clashes).toEqual(['title']) // after a reload as well
    s.settle('title', 'mine')
    await vi.advanceTimersByTimeAsync(400)
    expect([t.row().title, s.state]).toEqual(['异地就医', 'clean'])
  })

  it('asks as soon as it hears of it', () => {
    const t = setup()
    const s = t.saver()
    s.type('title', '异地就医')
    t.other({ title: '医保' })
    s.heard(t.row())
    expect([s.state, s.clashes]).toEqual(['clashing', ['title']])
    s.settle('title', 'theirs')
    expect([s.state, s.ticket.title]).toEqual(['clean', '医保'])
  })

  it('takes own words for nobody else\'s, whose answer was lost or comes by the news first', async () => {
    const t = setup()
    const s = t.saver()
    t.lost = true
    s.type('title', '异地')
    await vi.advanceTimersByTimeAsync(400)
    expect(s.state).toBe('retrying')
    s.type('title', '异地就医')
    t.lost = false
    s.heard(t.row())
    await vi.advanceTimersByTimeAsync(2000)
    expect([t.row().title, s.clashes]).toEqual(['异地就医', []])
    s.type('title', '异地就医备')
    const flushed = s.flush()
    s.type('title', '异地就医备案')
    await Promise.resolve()
    s.heard(t.row()) // told by the log before the answer is here
    await flushed
    expect([t.row().title, s.clashes, s.state]).toEqual(['异地就医备案', [], 'clean'])
  })

  it('leaves every word in the draft when the person goes without choosing', async () => {
    const t = setup()
    const s = t.saver()
    s.type('content', '在南京住院')
    t.other({ content: '要报销' })
    s.heard(t.row())
    s.leave()
    await s.flush()
    expect(t.row().content).toBe('要报销\n在南京住院')
  })
})
