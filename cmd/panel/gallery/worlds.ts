// Worlds that many scenarios begin with; a scenario adds what is its own.
import type { components } from '@/api/schema'

import type { Line } from './exchange'
import { board, callbacks, id, official, pop, promise, recorder, seat, seatTopic, session, shortPromise, summary, ticket, written } from './people'
import { refuse, type Gauge, type Step, type Turn, type World } from './world'

type S = components['schemas']

export const nobody: World = { 'GET /api/v1/me': refuse(401, 'login.required') }

const push: World['POST /api/v1/ws-ticket'] = { ticket: 'gallery', expires_at: session.closes_at }

export const signedIn = (who: S['Me']): World => ({
  'GET /api/v1/me': who,
  'POST /api/v1/ws-ticket': push,
  'GET /api/v1/session': { session },
})

// What is saved comes back as it was typed, one version on.
const saves = (t: S['Ticket']): World['PATCH /api/v1/tickets/{id}'] => {
  let now = t
  return (body) => {
    now = { ...now, ...(body as Partial<S['Ticket']>), version: now.version + 1 }
    return now
  }
}

// unfinished: the tickets of the call lack something, which is named before the next caller comes.
export const unfinished = refuse(422, 'ticket.unfinished', { errors: ['title', 'class', 'state'].map((f) => ({ location: `tickets.${id(200)}.${f}`, message: 'missing' })) })

// What a seat says and what its call is, with the tickets of it.
export interface AtSeat {
  seat?: Partial<S['Seat']>
  card?: S['Card'] | null
  pop?: S['Pop']
  tickets?: S['Ticket'][]
  earlier?: S['TicketSummary'][] // of this seat, newest first
}

const earlier = [summary(1, { state: 'closed', title: written.title, class: 'consultation', outcome: 'answered' }), summary(2), summary(3, { title: '农民工工资拖欠' })]

export const seatWorld = (s: AtSeat = {}): World => {
  const shown = seat(s.seat)
  const tickets = s.card ? (s.tickets ?? [ticket()]) : []
  const first = tickets[0] ?? ticket()
  return {
    'GET /api/v1/seats/{seat}': shown,
    'GET /api/v1/seats/{seat}/call': { position: '1-100', call: s.card ?? null },
    'POST /api/v1/seats/{seat}/intent': shown,
    'POST /api/v1/seats/{seat}/sign-out': { ...shown, pending: 'sign_out' },
    'POST /api/v1/seats/{seat}/cancel-pending': shown,
    'POST /api/v1/seats/{seat}/next': null,
    'POST /api/v1/seats/{seat}/phone': { endpoint: 'gallery', uri: 'sip:gallery@gallery.invalid', realm: 'gallery', ha1: 'd41d8cd98f00b204e9800998ecf8427e', path: '/sip', expires_s: 3600 },
    'POST /api/v1/seats/{seat}/device': null,
    'GET /api/v1/calls/{call}/pop': s.pop ?? pop(),
    'GET /api/v1/calls/{call}/tickets': { position: '1-100', tickets },
    'GET /api/v1/tickets/{id}': { ...first, writable: true, history: [] },
    'PATCH /api/v1/tickets/{id}': saves(first),
    'GET /api/v1/tickets': (_, path) => {
      const tickets = (s.earlier ?? earlier).filter((k) => !path.includes('state=draft') || k.state === 'draft')
      return { tickets, next_cursor: '', count: tickets.length }
    },
    'GET /api/v1/promise': (_, path) => (path.endsWith('other') ? promise : shortPromise),
  }
}

export const officialAt = (s: AtSeat = {}): World => ({ ...signedIn(official), ...seatWorld(s) })
export const recorderAt = (s: AtSeat = {}): World => ({ ...signedIn(recorder), ...seatWorld(s) })

const lines: { [K in S['Card']['state']]?: Line } = { offered: 'rings', ended: 'over', talking: 'talks', held: 'talks', consulting: 'talks', conference: 'talks' }

// later is the seat some moments on: the log says that something has changed, and the page reads what.
export const later = (s: AtSeat, more: Omit<Turn, 'world'> = {}): Step => ({
  turn: { ...(s.card && { line: lines[s.card.state] }), ...more, world: seatWorld(s), facts: [{ type: 'fact', kind: 'seat.work', subject: 'A01', data: {} }, ...(more.facts ?? [])] },
})

export const waiting = (n: number): Gauge => ({ type: 'gauge', topic: seatTopic, data: { waiting: n } })

// sitDown: the test before answering, as an official passes it.
export const sitDown: Step[] = [{ press: 'check-start' }, { press: 'go-ready' }]

export const boardWorld = (who: S['Me'], b: S['Board'] = board()): World => ({
  ...signedIn(who),
  'GET /api/v1/board': b,
  'GET /api/v1/callbacks': { callbacks },
})

export const boardGauge = (more: Record<string, unknown> = {}): Gauge => ({
  type: 'gauge',
  topic: 'board',
  data: { queue_away_since: null, ledger_away_since: null, pages_away: [], ...more },
})
