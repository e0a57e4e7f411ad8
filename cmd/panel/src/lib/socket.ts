// The push socket: one per page, resumed where it broke off. It carries facts and gauges to whoever listens and sends
// nothing: commands go by HTTP (style 36).
import { asProblem } from '@/api/problem'

export interface Fact {
  type: 'fact'
  position: string
  early?: boolean // before its turn in the log: it comes no second time, but nothing is resumed from its position
  kind: string
  subject: string
  topics: string[]
  at: string
  actor: string
  data: Record<string, unknown>
}

export interface Gauge {
  type: 'gauge'
  topic: string
  at: string
  data: Record<string, unknown>
}

interface Hello {
  type: 'hello'
  position: string
  resumed: boolean
}

// Everything up to the position has been told.
interface Passed {
  type: 'passed'
  position: string
}

export type Frame = Hello | Fact | Gauge | Passed
export type LinkState = 'off' | 'connecting' | 'live' | 'lost' | 'ended' | 'denied'

export interface Listener {
  fact?(f: Fact): unknown
  gauge?(g: Gauge): unknown
  fresh?(): unknown // what was missed cannot be told: fetch snapshots
}

// The part of WebSocket that is used, so that tests can stand in for the network.
export interface SocketLike {
  onmessage: ((e: { data: unknown }) => void) | null
  onclose: ((e: { code: number }) => void) | null
  close(code?: number): void
}

export interface SocketPorts {
  ticket(topics: string[], since: string): Promise<string>
  open(protocols: string[]): SocketLike
  state(s: LinkState): void
  heard(at: string | null): void // any frame; its instant when it has one
  random?(): number
}

type Next = 'resume' | 'restart' | 'slowly' | 'ended' | 'denied'

// afterClose: 3000–3499 come back, 3500–3999 do not; everything else is the network.
export function afterClose(code: number): Next {
  if (code === 3010) return 'restart'
  if (code === 3501) return 'denied'
  if (code >= 3500 && code < 4000) return 'ended'
  return code === 4429 ? 'slowly' : 'resume'
}

// pause before the n-th try: doubles from a quarter second to five, with full jitter, so that a hall of seats does not come
// back in one instant after a restart.
export function pause(attempt: number, random: number): number {
  return Math.round(100 + random * Math.min(5000, 250 * 2 ** attempt))
}

// after compares places in the log: "xid-id", numbers that a double holds.
export function after(a: string, b: string): boolean {
  const [ax, ai] = a.split('-').map(Number)
  const [bx, bi] = b.split('-').map(Number)
  return ax !== bx ? ax! > bx! : ai! > bi!
}

const silence = 12_000 // a socket this quiet is half open
const beat = 2500 // where gauges come each second, people are told after two that did not (RU14)

export class FactSocket {
  private readonly listeners = new Set<Listener>()
  private topics: string[] = []
  private since = ''
  private early: string[] = [] // positions after since that have been told already
  private socket: SocketLike | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private watch: ReturnType<typeof setTimeout> | undefined
  private pulse: ReturnType<typeof setTimeout> | undefined
  private told = false // that nothing comes, while the socket still stands
  private attempt = 0
  private run = 0 // of connect(); what an older run still brings is not ours

  constructor(private readonly ports: SocketPorts) {}

  listen(l: Listener): () => void {
    this.listeners.add(l)
    return () => this.listeners.delete(l)
  }

  // want sets the topics. A change opens a new socket from the same place in the log.
  want(topics: string[]): void {
    const sorted = [...new Set(topics)].sort()
    if (sorted.join() === this.topics.join()) return
    const more = sorted.some((t) => !this.topics.includes(t))
    this.topics = sorted
    if (more) this.forget() // the log was not read for the new ones: snapshots tell
    if (sorted.length === 0) return this.stop()
    this.attempt = 0
    void this.connect()
  }

  // again tries at once: the network came back, or a person asks.
  again(): void {
    if (this.topics.length > 0) {
      this.attempt = 0
      void this.connect()
    }
  }

  stop(): void {
    this.run++
    this.topics = []
    this.forget()
    this.drop()
    this.ports.state('off')
  }

  private drop(): void {
    clearTimeout(this.timer)
    clearTimeout(this.watch)
    clearTimeout(this.pulse)
    this.told = false
    const s = this.socket
    this.socket = null
    if (s) {
      s.onmessage = s.onclose = null
      s.close(1000)
    }
  }

  private async connect(): Promise<void> {
    const run = ++this.run
    this.drop()
    if (this.attempt === 0) this.ports.state('connecting')
    let ticket: string
    try {
      ticket = await this.ports.ticket(this.topics, this.since)
    } catch (err) {
      if (run !== this.run) return
      const { status } = asProblem(err)
      return this.closed(status === 401 ? 'ended' : status === 403 ? 'denied' : 'resume')
    }
    if (run !== this.run) return
    const socket = this.ports.open(['v1.hotline', `t.${ticket}`])
    this.socket = socket
    socket.onmessage = (e) => this.frame(e.data)
    socket.onclose = (e) => this.closed(afterClose(e.code))
    this.guard()
  }

  // guard cuts a socket that has gone silent without closing.
  private guard(): void {
    clearTimeout(this.watch)
    this.watch = setTimeout(() => {
      this.drop()
      this.closed('resume')
    }, silence)
  }

  // missed tells when the next gauge does not come; the socket may still be good, and says so with its next frame.
  private missed(): void {
    clearTimeout(this.pulse)
    this.pulse = setTimeout(() => {
      this.told = true
      this.ports.state('lost')
    }, beat)
  }

  private closed(next: Next): void {
    clearTimeout(this.watch)
    clearTimeout(this.pulse)
    this.socket = null
    if (next === 'ended' || next === 'denied') return this.ports.state(next)
    this.ports.state('lost')
    if (next === 'restart') this.forget()
    const least = next === 'slowly' ? 5000 : 0
    const wait = least + pause(this.attempt++, (this.ports.random ?? Math.random)())
    this.timer = setTimeout(() => void this.connect(), wait)
  }

  private frame(data: unknown): void {
    const frame = parse(data)
    if (!frame) return
    this.guard()
    if (this.told) this.ports.state('live')
    this.told = false
    switch (frame.type) {
      case 'hello':
        this.attempt = 0
        if (!frame.resumed) this.early = []
        if (!frame.resumed || this.since === '') this.since = frame.position
        this.ports.heard(null)
        this.ports.state('live')
        if (!frame.resumed) this.listeners.forEach((l) => l.fresh?.())
        return
      case 'fact': {
        const told = this.early.includes(frame.position)
        if (frame.early) this.early.push(frame.position)
        else this.pass(frame.position)
        this.ports.heard(frame.at)
        if (!told) this.listeners.forEach((l) => l.fact?.(frame))
        return
      }
      case 'passed':
        this.pass(frame.position)
        this.ports.heard(null)
        return
      case 'gauge':
        this.missed()
        this.ports.heard(frame.at)
        this.listeners.forEach((l) => l.gauge?.(frame))
    }
  }

  // pass says that nothing up to the position is still to be told.
  private pass(position: string): void {
    this.since = position
    this.early = this.early.filter((p) => after(p, position))
  }

  private forget(): void {
    this.since = ''
    this.early = []
  }
}

const kinds = new Set<unknown>(['hello', 'fact', 'gauge', 'passed'] satisfies Frame['type'][])

function parse(data: unknown): Frame | null {
  if (typeof data !== 'string') return null
  try {
    const f = JSON.parse(data) as Frame
    return kinds.has(f.type) ? f : null
  } catch {
    return null // a frame we cannot read is a frame we do not have
  }
}
