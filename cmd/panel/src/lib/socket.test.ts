import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Problem } from '@/api/problem'

import { afterClose, FactSocket, pause, type LinkState, type SocketLike } from './socket'

class FakeSocket implements SocketLike {
  onmessage: ((e: { data: unknown }) => void) | null = null
  onclose: ((e: { code: number }) => void) | null = null
  closedWith: number | undefined

  constructor(readonly protocols: string[]) {}

  close(code?: number): void {
    this.closedWith = code
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  hello(position: string, resumed: boolean): void {
    this.say({ type: 'hello', position, resumed })
  }

  fact(position: string, kind = 'call.offered', early?: boolean): void {
    this.say({ type: 'fact', position, early, kind, subject: 's', topics: [], at: '2026-11-26T00:30:00Z', actor: 'controller', data: {} })
  }
}

function setup() {
  const sockets: FakeSocket[] = []
  const asked: { topics: string[]; since: string }[] = []
  const states: LinkState[] = []
  const heard: string[] = []
  let refuse: Problem | null = null
  const link = new FactSocket({
    ticket: async (topics, since) => {
      asked.push({ topics, since })
      if (refuse) throw refuse
      return `n${asked.length}`
    },
    open: (protocols) => {
      const s = new FakeSocket(protocols)
      sockets.push(s)
      return s
    },
    state: (s) => states.push(s),
    heard: () => undefined,
    random: () => 0.5,
  })
  link.listen({ fact: (f) => heard.push(f.position), fresh: () => heard.push('fresh') })
  const settle = () => vi.advanceTimersByTimeAsync(0)
  const last = () => sockets.at(-1)!
  return { link, sockets, asked, states, heard, settle, last, refuse: (p: Problem | null) => (refuse = p) }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the push socket', () => {
  it('opens with a one-use ticket that is not in the address', async () => {
    const t = setup()
    t.link.want(['seat:A01', 'line:session'])
    await t.settle()
    expect(t.asked).toEqual([{ topics: ['line:session', 'seat:A01'], since: '' }])
    expect(t.last().protocols).toEqual(['v1.hotline', 't.n1'])
    t.last().hello('7-1', false)
    expect(t.heard).toEqual(['fresh'])
    expect(t.states).toEqual(['connecting', 'live'])
  })

  it('resumes after the last fact that it has heard, with a new ticket', async () => {
    const t = setup()
    t.link.want(['board'])
    await t.settle()
    t.last().hello('7-1', false)
    t.last().fact('8-1')
    t.last().fact('8-2')
    t.last().onclose?.({ code: 1006 })
    expect(t.states.at(-1)).toBe('lost')
    await vi.advanceTimersByTimeAsync(300)
    expect(t.asked.at(-1)).toEqual({ topics: ['board'], since: '8-2' })
    t.last().hello('8-2', true)
    t.last().fact('9-1')
    expect(t.heard).toEqual(['fresh', '8-1', '8-2', '9-1'])
  })

  it('hears an early fact once, and resumes from before it until the log has passed it', async () => {
    const t = setup()
    t.link.want(['seat:A01'])
    await t.settle()
    t.last().hello('7-1', false)
    t.last().fact('8-9')
    t.last().fact('10-3', 'call.offered', true)
    expect(t.heard).toEqual(['fresh', '8-9', '10-3'])
    t.last().onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(300)
    expect(t.asked.at(-1)?.since).toBe('8-9')
    t.last().hello('9-1', true)
    t.last().fact('9-5')
    t.last().fact('10-3') // missed, as far as the server knows
    t.last().fact('11-1')
    expect(t.heard).toEqual(['fresh', '8-9', '10-3', '9-5', '11-1'])
    t.last().fact('12-1', 'call.ended', true)
    t.last().say({ type: 'passed', position: '12-1' })
    t.last().onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(300)
    expect(t.asked.at(-1)?.since).toBe('12-1')
  })

  it('asks for snapshots when the server could not resume', async () => {
    const t = setup()
    t.link.want(['board'])
    await t.settle()
    t.last().hello('7-1', false)
    t.last().onclose?.({ code: 3010 })
    await vi.advanceTimersByTimeAsync(300)
    expect(t.asked.at(-1)?.since).toBe('')
    t.last().hello('20-1', false)
    expect(t.heard).toEqual(['fresh', 'fresh'])
  })

  it('does not come back when the login has ended', async () => {
    const t = setup()
    t.link.want(['board'])
    await t.settle()
    t.last().onclose?.({ code: 3500 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(t.sockets).toHaveLength(1)
    expect(t.states.at(-1)).toBe('ended')
  })

  it('keeps trying while tickets cannot be had, and stops when they are refused', async () => {
    const t = setup()
    t.refuse(new Problem(0, 'unreachable'))
    t.link.want(['board'])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(t.asked.length).toBeGreaterThan(4)
    t.refuse(new Problem(403, 'not_allowed'))
    await vi.advanceTimersByTimeAsync(6000)
    const n = t.asked.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(t.asked).toHaveLength(n)
    expect(t.states.at(-1)).toBe('denied')
  })

  it('tells within 3 s that the gauges have stopped, keeps the socket, and takes it back with its next frame (RU14)', async () => {
    const { link, sockets, states, settle, last } = setup()
    link.want(['seat:A01', 'waiting:session'])
    await settle()
    last().hello('1-1', false)
    const gauge = () => last().say({ type: 'gauge', topic: 'waiting:session', at: '2026-11-26T00:30:00Z', data: { waiting: 0 } })
    gauge()
    await vi.advanceTimersByTimeAsync(1000)
    gauge()
    await vi.advanceTimersByTimeAsync(2400)
    expect(states.at(-1)).toBe('live')
    await vi.advanceTimersByTimeAsync(200)
    expect([states.at(-1), sockets.length]).toEqual(['lost', 1])
    gauge()
    expect([states.at(-1), sockets.length]).toEqual(['live', 1])
  })

  it('cuts a socket that has gone silent', async () => {
    const t = setup()
    t.link.want(['board'])
    await t.settle()
    t.last().hello('7-1', false)
    await vi.advanceTimersByTimeAsync(11_000)
    t.last().fact('7-2') // a socket without gauges has no beat
    await vi.advanceTimersByTimeAsync(11_000)
    expect(t.states.at(-1)).toBe('live')
    await vi.advanceTimersByTimeAsync(1100)
    expect(t.states.at(-1)).toBe('lost')
    expect(t.sockets[0]?.closedWith).toBe(1000)
  })

  it('reads new topics from a snapshot on, and ignores what the old socket still says', async () => {
    const t = setup()
    t.link.want(['seat:A01'])
    await t.settle()
    const old = t.last()
    const late = old.onmessage
    old.hello('7-1', false)
    t.link.want(['seat:A01', 'board'])
    await t.settle()
    expect(t.asked.at(-1)).toEqual({ topics: ['board', 'seat:A01'], since: '' })
    expect(old.onmessage).toBeNull()
    expect(late).not.toBeNull()
    t.link.want(['board', 'seat:A01'])
    await t.settle()
    expect(t.asked).toHaveLength(2)
  })

  it('survives a frame that is no frame', async () => {
    const t = setup()
    t.link.want(['board'])
    await t.settle()
    t.last().onmessage?.({ data: '{"type":' })
    t.last().onmessage?.({ data: new ArrayBuffer(2) })
    t.last().say({ type: 'other' })
    expect(t.heard).toEqual([])
  })
})

describe('afterClose', () => {
  it.each([
    [1006, 'resume'],
    [1001, 'resume'],
    [3001, 'resume'],
    [3008, 'resume'],
    [3010, 'restart'],
    [3500, 'ended'],
    [3501, 'denied'],
    [3999, 'ended'],
    [4429, 'slowly'],
  ])('%i → %s', (code, next) => expect(afterClose(code)).toBe(next))
})

it('waits longer each time, never longer than five seconds, and never in step', () => {
  expect(pause(0, 0)).toBe(100)
  expect(pause(0, 1)).toBe(350)
  expect(pause(9, 1)).toBe(5100)
  expect(pause(3, 0.2)).not.toBe(pause(3, 0.7))
})
