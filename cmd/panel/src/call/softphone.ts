// The softphone: JsSIP kept dumb. It registers, rings, answers, mutes; everything else of a call goes by the API, so that
// the controller stays the one authority (telephony.md 3.6).
import { UA, WebSocketInterface } from 'jssip'
import type { IncomingRTCSessionEvent, RTCSessionEvent } from 'jssip/lib/UA'
import type { IceCandidateEvent, PeerConnectionEvent, RTCSession } from 'jssip/lib/RTCSession'

import type { PhoneAccount } from '@/api/types'

import { firstUsable, incoming, joinsMuted, patience, repair, resumeHeader } from './decide'

export type Registration = 'off' | 'registering' | 'registered' | 'lost'
export type Line = 'none' | 'ringing' | 'answering' | 'talking'

export interface SoftphonePorts {
  account(anew: boolean): Promise<PhoneAccount> // anew: as a telephone that was not there before
  registration(r: Registration): void
  line(l: Line): void
  muted(m: boolean): void
  told(): boolean | null // whether the call's own state says that this person is not heard; null: not known yet
}

const wanting = 5000 // an answer given on the card waits this long for the telephone's own ringing

export class Softphone {
  private ua: UA | null = null
  private socket: WebSocketInterface | null = null
  private session: RTCSession | null = null
  private shut = false // the microphone
  private wantedUntil = 0
  private attempt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  private readonly speaker = new Audio()

  constructor(
    private readonly microphone: MediaStream,
    private readonly ports: SoftphonePorts,
  ) {
    this.speaker.autoplay = true
  }

  async start(): Promise<void> {
    this.ports.registration('registering')
    try {
      this.build(await this.ports.account(false))
    } catch (err) {
      this.again()
      throw err
    }
  }

  // answer takes the ringing call, or the one that is about to ring.
  answer(): void {
    const s = this.session
    if (s?.isInProgress()) return this.pickUp(s)
    if (!s) this.wantedUntil = Date.now() + wanting
  }

  // mute shuts the microphone itself, whether there is a conversation yet or not: what is shut before the answer sends
  // nothing but silence from the first packet on.
  mute(on: boolean): void {
    this.shut = on
    for (const track of this.microphone.getAudioTracks()) track.enabled = !on
    this.agree()
    this.ports.muted(on)
  }

  // over: the call's own state says that this person is in none. The exchange's word for it may never have come: a conversation
  // outlives the socket that it was begun on, and its end is sent to that socket (F1). What rings is a call that comes.
  over(): void {
    const s = this.session
    if (!s?.isEstablished()) return
    s.terminate()
  }

  // media is what has come over the conversation's connection so far; null: there is none.
  async media(): Promise<{ received: number; alive: boolean } | null> {
    const connection = this.session?.isEstablished() ? this.session.connection : null
    if (!connection) return null
    let received = 0
    if (connection.signalingState === 'closed') return { received, alive: false } // and never says how much it has had
    for (const s of (await connection.getStats()).values() as Iterable<{ type: string; kind?: string; packetsReceived?: number }>) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') received += s.packetsReceived ?? 0
    }
    return { received, alive: connection.iceConnectionState === 'connected' || connection.iceConnectionState === 'completed' }
  }

  // mend builds the way of a conversation anew that brings nothing: a fresh account, on which the controller asks again (A11).
  async mend(): Promise<void> {
    this.let(this.session)
    this.ports.line('none')
    clearTimeout(this.timer)
    try {
      this.build(await this.ports.account(true))
    } catch {
      this.again()
    }
  }

  // agree tells JsSIP, which opens the tracks again by its own account of it when the far end renegotiates.
  private agree(): void {
    const s = this.session
    if (!s?.connection) return
    if (this.shut) s.mute({ audio: true })
    else s.unmute({ audio: true })
  }

  // stop leaves the exchange in good order. A page that is closed does not come here: its call must survive the reload.
  stop(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.end()
    this.ports.registration('off')
  }

  // end says goodbye. JsSIP stays for two seconds to hear that answered, and would connect again meanwhile: the server takes the newest
  // socket of a login for its telephone, and cuts the one that has come since.
  private end(): void {
    this.ua?.removeAllListeners()
    this.ua?.stop()
    if (this.socket) this.socket.connect = () => undefined
    this.ua = this.socket = null
  }

  private build(account: PhoneAccount): void {
    if (this.closed) return
    this.end()
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocketInterface(`${scheme}://${location.host}${account.path}`)
    const ua = new UA({
      sockets: [socket],
      uri: account.uri,
      authorization_user: account.endpoint,
      realm: account.realm,
      ha1: account.ha1,
      register_expires: 120,
      session_timers: true,
      no_answer_timeout: 180, // the controller's ring time decides; this is only a backstop
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 4,
      user_agent: 'hotline-panel',
    })
    ua.on('registered', () => {
      this.attempt = 0
      this.ports.registration('registered')
    })
    ua.on('disconnected', () => this.ports.registration('lost'))
    ua.on('unregistered', () => this.ports.registration('lost'))
    ua.on('registrationFailed', () => {
      this.ports.registration('lost')
      this.again()
    })
    ua.on('newRTCSession', (e: RTCSessionEvent) => this.invited(e))
    this.ua = ua
    this.socket = socket
    ua.start()
  }

  // JsSIP gives up after a refusal: the exchange was restarted, or the account has ended.
  private again(): void {
    if (this.closed) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.renew(), patience(this.attempt++))
  }

  private async renew(): Promise<void> {
    if (this.ua && repair(this.session !== null) === 'same') return this.ua.register()
    try {
      this.build(await this.ports.account(false))
    } catch {
      this.again()
    }
  }

  private invited(e: RTCSessionEvent): void {
    if (e.originator !== 'remote') return
    const { session, request } = e as IncomingRTCSessionEvent
    const wanted = this.wantedUntil > Date.now()
    this.wantedUntil = 0
    const resume = request.getHeader(resumeHeader) !== undefined
    const what = incoming(resume, this.session !== null, wanted)
    if (what === 'refuse') return session.terminate({ status_code: 486 })
    if (what === 'replace') this.let(this.session)
    this.follow(session)
    this.mute(joinsMuted(resume, this.shut, this.ports.told()))
    if (what === 'ring') return this.ports.line('ringing')
    this.pickUp(session)
  }

  private let(old: RTCSession | null): void {
    this.session = null
    if (old && !old.isEnded()) old.terminate()
  }

  private follow(session: RTCSession): void {
    this.session = session
    session.on('icecandidate', (e: IceCandidateEvent) => {
      if (firstUsable(e.candidate)) e.ready()
    })
    session.on('peerconnection', (e: PeerConnectionEvent) => {
      if (this.session === session) this.agree()
      e.peerconnection.addEventListener('track', (t) => {
        this.speaker.srcObject = t.streams[0] ?? new MediaStream([t.track])
        void this.speaker.play().catch(() => undefined) // allowed while the microphone is open
      })
    })
    session.on('confirmed', () => {
      if (this.session === session) this.ports.line('talking')
    })
    const over = (): void => {
      if (this.session !== session) return
      this.session = null
      this.speaker.srcObject = null
      this.ports.line('none')
    }
    session.on('ended', over)
    session.on('failed', over)
  }

  private pickUp(session: RTCSession): void {
    this.ports.line('answering')
    session.answer({ mediaStream: this.microphone, pcConfig: { iceServers: [] } })
  }
}
