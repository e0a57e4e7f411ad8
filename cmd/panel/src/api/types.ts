// The API as the panel uses it. Written from the contract; the day `npm run types` has made schema.d.ts from the server's
// OpenAPI, the bodies here become `components['schemas'][…]` and `paths` is re-exported from it: nothing else changes.

export type Role =
  | 'official'
  | 'recorder'
  | 'operator'
  | 'supervisor'
  | 'office'
  | 'unit'
  | 'system_admin'
  | 'security_admin'
  | 'audit_admin'
export type Place = 'official' | 'recorder'
export type Intent = 'ready' | 'rest' | 'busy'
export type Device = 'ok' | 'unregistered' | 'media_failed' | 'unknown'
export type Work = 'idle' | 'offered' | 'engaged' | 'wrap_up'
export type Shown =
  | 'signed_out'
  | 'ready'
  | 'ringing'
  | 'talking'
  | 'wrap_up'
  | 'rest'
  | 'busy'
  | 'device_failed'
  | 'pending_rest'
  | 'pending_sign_out'
export type CallState =
  | 'arrived'
  | 'screening'
  | 'queued'
  | 'offered'
  | 'connecting'
  | 'talking'
  | 'reconnecting'
  | 'ended'
export type CallOutcome =
  | 'answered_official'
  | 'answered_operator'
  | 'abandoned_in_queue'
  | 'abandoned_short'
  | 'abandoned_ringing'
  | 'closed_before_turn'
  | 'out_of_scope'
  | 'blocked'
  | 'system_failure'
export type TicketState = 'draft' | 'registered' | 'closed'
export type TicketClass = '' | 'consultation' | 'other'
export type TicketOutcome =
  | ''
  | 'answered'
  | 'ticket'
  | 'explained_policy'
  | 'transfer_emergency'
  | 'refer_legal'
  | 'repeat_no_new_facts'
  | 'secret_or_privacy'
  | 'against_order'
  | 'other_place_or_level'
  | 'market_or_private'
  | 'no_content'
  | 'abusive'

export interface Named {
  id: string
  name: string
}

export interface Me {
  person: { id: string; login_name: string; name: string; unit: string; unit_name: string }
  roles: Role[]
  seat: { id: string; place: Place } | null
  sip_seats: boolean
}

export interface Session {
  number: number
  unit_name: string
  theme: string
  opens_at: string
  closes_at: string
  state: string
}

export interface Seat {
  id: string
  label: string
  kind: 'official' | 'operator'
  line: string
  unit_name: string
  person: Named | null
  recorder: Named | null
  phone: 'browser' | 'sip'
  intent: Intent
  rest_code: string
  rest_until: string | null
  pending: '' | 'rest' | 'busy' | 'sign_out'
  device: Device
  intent_since: string
  version: number
  work: Work
  work_since: string
  wrapup_until: string | null
  call: string | null
  offer: string | null
  misses: number
  shown: Shown
}

export interface PhoneAccount {
  endpoint: string
  uri: string
  ha1: string
  realm: string
  path: string
  expires_s: number
}

export interface Card {
  id: string
  state: CallState
  masked: string
  place: string
  arrived_at: string
  queued_at: string | null
  answered_at: string | null
  seat: string
  offer: { id: string; offered_at: string; expires_at: string } | null
  wrapup_until: string | null
  version: number
  outcome: CallOutcome | ''
}

export interface Pop {
  call: string
  masked: string
  place: string
  earlier_calls: { id: string; arrived_at: string; outcome: CallOutcome | '' }[]
  earlier_count: number
  open_tickets: TicketLine[]
  last_ticket: TicketLine | null
}

export interface TicketLine {
  id: string
  number: string
  title: string
  state: TicketState
  class: TicketClass
  due_at: string | null
}

export interface TicketPromise {
  due_at: string
  last_day: string
  working_days: number
  provisional: boolean
}

export interface TicketFields {
  title: string
  content: string
  answer: string
  class: TicketClass
  outcome: TicketOutcome
  contact_name: string
  event_place: string
  confidential: boolean
}

export interface Ticket extends TicketFields {
  id: string
  number: string
  query_code: string
  kind: 'call' | 'missed' | 'appeal'
  call: string
  masked: string
  place: string
  call_times: { arrived_at: string; answered_at: string | null; ended_at: string | null }
  session_number: number | null
  seat: string
  official_name: string
  state: TicketState
  opened_at: string
  registered_at: string | null
  closed_at: string | null
  version: number
  promise: TicketPromise | null
}

export interface TicketEvent {
  at: string
  actor: string
  actor_name: string
  what: string
  data: Record<string, unknown>
}

export interface WaitingCall {
  call: string
  masked: string
  place: string
  queued_at: string
  state: CallState
}

export interface BoardLine {
  id: string
  name: string
  waiting: WaitingCall[]
}

export interface Counts {
  offered: number
  answered: number
  abandoned: number
  short: number
  flow_out: number
  answered_15s: number
  talk_s_avg: number | null
  wait_s_avg: number | null
  wait_s_max: number | null
  in_session: boolean
}

export interface Board {
  position: string
  at: string
  lines: BoardLine[]
  seats: Seat[]
  counts: Counts
}

export interface Callback {
  id: string
  call: string
  masked: string
  place: string
  reason: CallOutcome
  created_at: string
}

type Call<Params, Body, Answer> = {
  parameters: Params & { header?: { 'Idempotency-Key'?: string } }
  responses: { 200: { content: { 'application/json': Answer } } }
} & (Body extends undefined ? { requestBody?: never } : { requestBody: { content: { 'application/json': Body } } })
type Get<Answer, Params = object> = { get: Call<Params, undefined, Answer> }
type Post<Body, Answer, Params = object> = { post: Call<Params, Body, Answer> }
type Path<Name extends string> = { path: Record<Name, string> }

export interface paths {
  '/api/login': Post<{ login_name: string; password: string }, Me>
  '/api/logout': Post<undefined, undefined>
  '/api/me': Get<Me>
  '/api/session': Get<{ session: Session | null }>
  '/api/seats': Get<{ position: string; seats: Seat[] }>
  '/api/seats/{seat}': Get<Seat, Path<'seat'>>
  '/api/seats/{seat}/take': Post<{ place: Place; take_over: boolean }, Seat, Path<'seat'>>
  '/api/seats/{seat}/sign-out': Post<{ place: Place }, Seat, Path<'seat'>>
  '/api/seats/{seat}/phone': Post<{ client: string; phone: 'browser' }, PhoneAccount, Path<'seat'>>
  '/api/seats/{seat}/device': Post<{ client: string; device: 'ok' | 'media_failed' }, undefined, Path<'seat'>>
  '/api/seats/{seat}/intent': Post<
    { intent: Intent; rest_code?: string; rest_minutes?: number; version: number },
    Seat,
    Path<'seat'>
  >
  '/api/seats/{seat}/cancel-pending': Post<{ version: number }, Seat, Path<'seat'>>
  '/api/seats/{seat}/call': Get<{ position: string; call: Card | null }, Path<'seat'>>
  '/api/seats/{seat}/next': Post<Record<string, never>, undefined, Path<'seat'>>
  '/api/offers/{offer}/decline': Post<{ reason: string }, undefined, Path<'offer'>>
  '/api/calls/{call}/hangup': Post<{ version?: number }, undefined, Path<'call'>>
  '/api/calls/{call}/pop': Get<Pop, Path<'call'>>
  '/api/calls/{call}/tickets': Get<{ position: string; tickets: Ticket[] }, Path<'call'>>
  '/api/calls/{call}/appeals': Post<Record<string, never>, Ticket, Path<'call'>>
  '/api/board': Get<Board>
  '/api/callbacks': Get<{ callbacks: Callback[] }, { query?: { state?: string } }>
  '/api/tickets': Get<
    { tickets: Ticket[]; next_cursor: string; count: number },
    { query?: { state?: string; q?: string; cursor?: string; limit?: number } }
  >
  '/api/tickets/{id}': Get<Ticket & { history: TicketEvent[] }, Path<'id'>> & {
    patch: Call<Path<'id'>, { version: number } & Partial<TicketFields>, Ticket>
  }
  '/api/tickets/{id}/register': Post<{ version: number }, Ticket, Path<'id'>>
  '/api/promise': Get<TicketPromise, { query: { class: 'consultation' | 'other' } }>
  '/api/ws-ticket': Post<{ topics: string[]; since: string }, { ticket: string; expires_at: string }>
}
