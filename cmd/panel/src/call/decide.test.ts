import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { firstUsable, incoming, joinsMuted, patience, repair } from './decide'
import { Guard, type Channel } from './guard'
import { faultOf } from './microphone'

describe('an INVITE', () => {
  it.each([
    // resume, busy, wanted
    [false, false, false, 'ring'],
    [false, false, true, 'answer'], // the person was faster than the telephone
    [false, true, false, 'refuse'],
    [false, true, true, 'refuse'],
    [true, false, false, 'answer'], // the way back after a reload
    [true, true, false, 'replace'], // the way back while the dead leg is still held
  ] as const)('resume %s, busy %s, wanted %s → %s', (resume, busy, wanted, what) => {
    expect(incoming(resume, busy, wanted)).toBe(what)
  })
})

it.each([
  // resume, shut here, what the call says → shut from the first packet on
  [false, true, true, false], // another citizen: what was before is over
  [false, false, null, false],
  [true, false, true, true], // after a reload
  [true, false, null, true], // nobody has said yet
  [true, false, false, false],
  [true, true, false, true], // shut here, and the command had failed
] as const)('resume %s, shut %s, told %s: muted %s', (resume, shut, told, muted) => {
  expect(joinsMuted(resume, shut, told)).toBe(muted)
})

it.each([
  [{ type: 'host', protocol: 'udp' }, true],
  [{ type: 'host', protocol: 'tcp' }, false],
  [{ type: 'srflx', protocol: 'udp' }, false],
  [{ candidate: 'candidate:1 1 udp 2122260223 10.99.0.1 54400 typ host generation 0' }, true],
  [{ candidate: 'candidate:1 1 tcp 1518280447 10.99.0.1 9 typ host tcptype active' }, false],
  [{ candidate: '' }, false],
])('candidate %j is enough: %s', (candidate, enough) => expect(firstUsable(candidate)).toBe(enough))

it('renews a refused registration without tearing a conversation down', () => {
  expect(repair(true)).toBe('same')
  expect(repair(false)).toBe('fresh')
  expect([0, 1, 2, 9].map(patience)).toEqual([500, 1000, 2000, 10_000])
})

it.each([
  ['NotAllowedError', 'denied'],
  ['NotFoundError', 'no_device'],
  ['NotReadableError', 'in_use'],
])('%s → %s', (name, fault) => expect(faultOf(new DOMException('x', name))).toBe(fault))

describe('the guard', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function browser() {
    const tabs = new Set<Channel>()
    return (client: string, seat = 'A01') => {
      const channel: Channel = {
        onmessage: null,
        postMessage: (m) => tabs.forEach((t) => t !== channel && t.onmessage?.({ data: m })),
        close: () => tabs.delete(channel),
      }
      tabs.add(channel)
      const released = vi.fn()
      return { guard: new Guard(channel, seat, client, released), released }
    }
  }
  const enter = async (g: Guard) => {
    const entered = g.enter()
    await vi.advanceTimersByTimeAsync(200)
    return entered
  }

  it('lets one tab in, and the second only by taking over', async () => {
    const tab = browser()
    const first = tab('one')
    const second = tab('two')
    expect(await enter(first.guard)).toBe(true)
    expect(await enter(second.guard)).toBe(false)
    second.guard.takeOver()
    expect(first.released).toHaveBeenCalledOnce()
    expect(await enter(first.guard)).toBe(false)
  })

  it('does not mind another seat, nor a tab that has left', async () => {
    const tab = browser()
    const first = tab('one')
    expect(await enter(first.guard)).toBe(true)
    expect(await enter(tab('two', 'B01').guard)).toBe(true)
    first.guard.leave()
    expect(await enter(tab('three').guard)).toBe(true)
  })
})
