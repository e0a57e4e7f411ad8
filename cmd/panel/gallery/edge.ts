// The edge of the network, played from a scenario: fetch, WebSocket, microphone and clock. What stands on this side of it is
// the product as it is.
import { FakeExchange } from './exchange'
import { at } from './people'
import type { Fact, Gauge, Microphone, Refusal, Scenario, Turn, World } from './world'

const instant = Date.parse(at)
const frozen = new Date(instant).toISOString()

export class Edge {
  private world: World
  private link: NonNullable<Scenario['link']>
  private gauges: Gauge[]
  private sockets = new Set<PushSocket>()
  private exchange: FakeExchange | null = null
  private place = 100
  readonly troubles: string[] = []

  constructor(private readonly scenario: Scenario) {
    this.world = scenario.world
    this.link = scenario.link ?? 'live'
    this.gauges = scenario.gauges ?? []
  }

  install(): void {
    freeze()
    window.fetch = (input, init) => this.answer(new Request(input, init))
    const Native = window.WebSocket
    const open = (url: string | URL, protocols?: string | string[]): object => {
      const { pathname } = new URL(url, location.href)
      if (pathname === '/ws') return new PushSocket(this)
      if (pathname === '/sip') return (this.exchange = new FakeExchange(this.scenario.exchange ?? 'registers'))
      return new Native(url, protocols)
    }
    window.WebSocket = new Proxy(Native, { construct: (_, [url, protocols]) => open(url as string, protocols as string) })
    hear(this.scenario.microphone ?? 'speaks')
    if (this.scenario.insecure) Object.defineProperty(window, 'isSecureContext', { value: false })
    addEventListener('error', (e) => this.troubles.push(String(e.message)))
    addEventListener('unhandledrejection', (e) => this.troubles.push(String(e.reason)))
  }

  turn(t: Turn): void {
    this.world = { ...this.world, ...t.world }
    this.gauges = t.gauges ?? this.gauges
    if (t.line) void this.exchange?.line(t.line)
    if (t.link && t.link !== this.link) {
      this.link = t.link
      this.sockets.forEach((s) => s.cut())
    }
    this.sockets.forEach((s) => {
      s.tell(this.gauges)
      s.tell(t.facts ?? [])
    })
  }

  greet(s: PushSocket): void {
    if (this.link !== 'live') return s.cut()
    this.sockets.add(s)
    s.frame({ type: 'hello', position: this.position(), resumed: false })
    s.tell(this.gauges)
    s.tell(this.scenario.facts ?? [])
  }

  code(): number {
    return { live: 1000, cut: 1006, denied: 3501, ended: 3500 }[this.link]
  }

  gone(s: PushSocket): void {
    this.sockets.delete(s)
  }

  pulse(s: PushSocket): void {
    s.tell(this.gauges)
  }

  position(): string {
    return `1-${this.place++}`
  }

  private async answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    const given = this.given(request.method, pathname)
    const body = (await request.json().catch(() => ({}))) as Record<string, unknown>
    const what: unknown = typeof given === 'function' ? (given as (b: unknown, path: string) => unknown)(body, pathname + search) : given
    if (what === undefined) {
      this.troubles.push(`no answer for ${request.method} ${pathname}`)
      return reply(500, { type: 'urn:hotline:internal' })
    }
    if (what === 'no answer comes') return new Promise(() => undefined)
    if (!refused(what)) return reply(what === null ? 204 : 200, what)
    if (what.status === 0) throw new TypeError('Failed to fetch')
    return reply(what.status, { title: what.code, detail: '', ...what, type: `urn:hotline:${what.code}` })
  }

  // given finds the operation whose path fits; the one with the most fixed parts, if several do.
  private given(method: string, pathname: string): unknown {
    const fits = Object.keys(this.world).filter((asked) => {
      const [verb, path = ''] = asked.split(' ')
      return verb === method && new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname)
    })
    const best = fits.sort((a, b) => a.split('{').length - b.split('{').length)[0]
    return best === undefined ? undefined : this.world[best as keyof World]
  }
}

const refused = (what: unknown): what is Refusal => typeof what === 'object' && what !== null && 'status' in what && 'code' in what

function reply(status: number, body: unknown): Response {
  const headers = { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', Date: new Date(instant).toUTCString() }
  return status === 204 ? new Response(null, { status, headers: { ...headers, 'Content-Length': '0' } }) : new Response(JSON.stringify(body), { status, headers })
}

// The page's side of the push socket.
class PushSocket {
  readonly readyState = 1
  onopen: (() => void) | null = null
  onmessage: ((e: { data: unknown }) => void) | null = null
  onclose: ((e: { code: number }) => void) | null = null
  onerror: (() => void) | null = null
  private readonly beat: ReturnType<typeof setInterval>

  constructor(private readonly edge: Edge) {
    queueMicrotask(() => edge.greet(this))
    this.beat = setInterval(() => edge.pulse(this), 1000)
  }

  frame(f: object): void {
    this.onmessage?.({ data: JSON.stringify({ at: frozen, ...f }) })
  }

  tell(all: (Fact | Gauge)[]): void {
    for (const one of all) this.frame(one.type === 'fact' ? { position: this.edge.position(), topics: [], actor: '', ...one } : one)
  }

  cut(): void {
    const code = this.edge.code()
    const told = this.onclose
    this.close()
    told?.({ code })
  }

  send(): void {
    // the page only listens
  }

  close(): void {
    clearInterval(this.beat)
    this.edge.gone(this)
    this.onmessage = this.onclose = null
  }
}

// freeze holds the wall clock; timers run on.
function freeze(): void {
  const Native = Date
  class Frozen extends Native {
    constructor(...args: unknown[]) {
      super(...((args.length === 0 ? [instant] : args) as [number]))
    }

    static override now(): number {
      return instant
    }
  }
  window.Date = Frozen as DateConstructor
}

function hear(what: Microphone): void {
  const media = navigator.mediaDevices as MediaDevices | undefined
  if (!media) return
  media.getUserMedia = () => {
    if (what === 'asking') return new Promise(() => undefined)
    if (what === 'speaks' || what === 'silent') return Promise.resolve(sound(what === 'speaks' ? 0.3 : 0))
    return Promise.reject(new DOMException('', what))
  }
}

function sound(volume: number): MediaStream {
  const audio = new AudioContext()
  const wave = new OscillatorNode(audio, { frequency: 440 })
  const out = audio.createMediaStreamDestination()
  wave.connect(new GainNode(audio, { gain: volume })).connect(out)
  wave.start()
  return out.stream
}
