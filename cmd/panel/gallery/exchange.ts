// The exchange as the softphone meets it: it takes a registration, rings, and talks by a real connection within the page, so
// that what the page reads of its own sound is true.
import type { Exchange } from './world'

const line = (message: string, name: string): string => new RegExp(`^${name}: .*$`, 'im').exec(message)?.[0] ?? ''

// Line is what the exchange does at the seat: it rings, it brings the seat back into its conversation, it ends it.
export type Line = 'rings' | 'talks' | 'over'

export class FakeExchange {
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSING = 2
  readonly CLOSED = 3
  readyState = 0
  binaryType = ''
  protocol = 'sip'
  onopen: (() => void) | null = null
  onmessage: ((e: { data: string }) => void) | null = null
  onclose: ((e: { code: number; wasClean: boolean; reason: string }) => void) | null = null
  onerror: ((e: unknown) => void) | null = null
  private target = '' // where the telephone is reached
  private far: RTCPeerConnection | null = null
  private calls = 0

  constructor(private readonly kind: Exchange) {
    setTimeout(() => {
      if (kind === 'away') return this.close(1006)
      this.readyState = this.OPEN
      this.onopen?.()
    })
  }

  send(message: string): void {
    if (this.kind !== 'registers') return
    const [first = ''] = message.split('\r\n')
    if (first.startsWith('REGISTER ')) {
      this.target = /<(sip:[^>]+)>/.exec(line(message, 'Contact'))?.[1] ?? this.target
      this.reply(message, line(message, 'Contact'))
    } else if (first.startsWith('SIP/2.0 200') && line(message, 'CSeq').endsWith('INVITE')) void this.connected(message)
    else if (!first.startsWith('SIP/') && !first.startsWith('ACK')) this.reply(message)
  }

  close(code = 1000): void {
    if (this.readyState === this.CLOSED) return
    this.readyState = this.CLOSED
    this.far?.close()
    this.onclose?.({ code, wasClean: code === 1000, reason: '' })
  }

  async line(what: Line): Promise<void> {
    this.far?.close()
    this.far = null
    if (what === 'over' || this.target === '') return
    const far = (this.far = new RTCPeerConnection())
    const audio = new AudioContext()
    const out = audio.createMediaStreamDestination()
    const wave = new OscillatorNode(audio)
    wave.connect(new GainNode(audio, { gain: 0.01 })).connect(out)
    wave.start()
    far.addTrack(out.stream.getAudioTracks()[0]!, out.stream)
    await far.setLocalDescription(await far.createOffer())
    while (far.iceGatheringState !== 'complete') await new Promise((done) => far.addEventListener('icegatheringstatechange', done, { once: true }))
    const sdp = far.localDescription?.sdp ?? ''
    const call = ++this.calls
    this.deliver([
      `INVITE ${this.target} SIP/2.0`, `Via: SIP/2.0/WS gallery.invalid;branch=z9hG4bK${call}`, 'Max-Forwards: 70', `From: <sip:hotline@gallery.invalid>;tag=far${call}`,
      `To: <${this.target}>`, `Call-ID: gallery${call}`, 'CSeq: 1 INVITE', 'Contact: <sip:hotline@gallery.invalid;transport=ws>',
      ...(what === 'talks' ? ['X-Hotline-Resume: 1'] : []), 'Content-Type: application/sdp', `Content-Length: ${sdp.length}`, '', sdp,
    ])
  }

  private async connected(answer: string): Promise<void> {
    const sdp = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    if (this.far?.signalingState === 'have-local-offer') await this.far.setRemoteDescription({ type: 'answer', sdp })
    const call = /\d+$/.exec(line(answer, 'Call-ID'))?.[0] ?? ''
    this.deliver([`ACK ${this.target} SIP/2.0`, `Via: SIP/2.0/WS gallery.invalid;branch=z9hG4bKack${call}`, 'Max-Forwards: 70', line(answer, 'From'), line(answer, 'To'), line(answer, 'Call-ID'), 'CSeq: 1 ACK', 'Content-Length: 0', '', ''])
  }

  private reply(request: string, contact = ''): void {
    const to = line(request, 'To')
    this.deliver(['SIP/2.0 200 OK', line(request, 'Via'), to.includes(';tag=') ? to : `${to};tag=gallery`, line(request, 'From'), line(request, 'Call-ID'), line(request, 'CSeq'), ...(contact ? [contact] : []), 'Content-Length: 0', '', ''])
  }

  private deliver(lines: string[]): void {
    setTimeout(() => this.onmessage?.({ data: lines.join('\r\n') }))
  }
}
