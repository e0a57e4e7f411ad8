// The order of things around the first packet (RU3): JsSIP and the microphone stand in, the decisions are the real ones.
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { resumeHeader } from './decide'
import { Softphone } from './softphone'

type Handler = (e: unknown) => void
const jssip = vi.hoisted(() => ({ invite: null as Handler | null }))
vi.mock('jssip', () => ({
  WebSocketInterface: class {},
  UA: class {
    on(name: string, act: Handler) {
      if (name === 'newRTCSession') jssip.invite = act
    }
    start() {}
    stop() {}
    removeAllListeners() {}
  },
}))

const track = { kind: 'audio', enabled: true }
const microphone = { getAudioTracks: () => [track] } as unknown as MediaStream

// A session of JsSIP: its connection exists from the answer on, and a renegotiation opens the tracks by its own account.
class Session {
  connection: object | null = null
  openAtAnswer: boolean | null = null
  private muted = false
  private readonly handlers = new Map<string, Handler>()
  on = (name: string, act: Handler) => void this.handlers.set(name, act)
  answer() {
    this.openAtAnswer = track.enabled
    this.connection = {}
    this.handlers.get('peerconnection')?.({ peerconnection: { addEventListener: () => undefined } })
    this.handlers.get('confirmed')?.({})
  }
  mute = () => (this.muted = true)
  unmute = () => (this.muted = false)
  renegotiate = () => (track.enabled = !this.muted)
  isInProgress = () => this.connection === null
  isEstablished = () => this.connection !== null
  isEnded = () => false
  terminate = () => this.end()
  end = () => this.handlers.get('ended')?.({})
}

let told: boolean | null
let shown: boolean
let phone: Softphone

beforeEach(async () => {
  track.enabled = true
  told = null
  shown = false
  phone = new Softphone(microphone, {
    account: () => Promise.resolve({ path: '/sip', uri: 'sip:a', endpoint: 'a', realm: 'r', ha1: 'h', expires_at: '' } as never),
    registration: () => undefined,
    line: () => undefined,
    muted: (m) => (shown = m),
    told: () => told,
  })
  await phone.start()
})

function invited(resume: boolean): Session {
  const session = new Session()
  jssip.invite?.({ originator: 'remote', session, request: { getHeader: (h: string) => (resume && h === resumeHeader ? 'c1' : undefined) } })
  return session
}

describe('the microphone', () => {
  it.each([
    [true, false],
    [false, true],
    [null, false], // the page has not read the call yet: a live microphone is the worse mistake
  ])('after a reload of a call that says muted %s is open %s at the answer', (says, open) => {
    told = says
    const s = invited(true)
    expect(s.openAtAnswer).toBe(open)
    expect(shown).toBe(!open)
    s.renegotiate()
    expect(track.enabled).toBe(open)
  })

  it('opens when the call says so after all', () => {
    invited(true)
    phone.mute(false)
    expect(track.enabled).toBe(true)
  })

  it('stays shut when the leg is lost and comes back', () => {
    const first = invited(false)
    phone.answer()
    expect(first.openAtAnswer).toBe(true)
    phone.mute(true)
    told = true
    first.end()
    expect(invited(true).openAtAnswer).toBe(false)
  })

  it('stays shut when the way back comes before the end of the old leg', () => {
    invited(false)
    phone.answer()
    phone.mute(true)
    expect(invited(true).openAtAnswer).toBe(false)
  })

  it('is open for the next citizen', () => {
    const first = invited(false)
    phone.answer()
    phone.mute(true)
    first.end()
    const next = invited(false)
    phone.answer()
    expect(next.openAtAnswer).toBe(true)
    expect(shown).toBe(false)
  })

  it('is shut at once, and not opened by a renegotiation', () => {
    const s = invited(false)
    phone.answer()
    phone.mute(true)
    expect(track.enabled).toBe(false)
    s.renegotiate()
    expect(track.enabled).toBe(false)
  })
})

// F1: the server was killed under the conversation; the exchange ends it where the page no longer listens.
describe('a conversation whose end was not heard', () => {
  it('is let go of, and the next citizen rings', () => {
    invited(false)
    phone.answer()
    phone.over()
    const next = invited(false)
    phone.answer()
    expect(next.openAtAnswer).toBe(true)
  })

  it('is never one that still rings', () => {
    const s = invited(false)
    phone.over()
    phone.answer()
    expect(s.openAtAnswer).toBe(true)
  })
})
