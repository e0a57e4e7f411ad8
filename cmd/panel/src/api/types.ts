// The API as the panel uses it: the server's own description (schema.d.ts, made by `make generate`), with closed lists and
// absences named where the description says no more than "string" or leaves a null out.
import type { components, paths } from './schema'

export type { paths }

type S = components['schemas']
type Known<T> = Exclude<T, null>
// With names the fields of T that are told more closely.
type With<T, More> = Omit<Known<T>, keyof More> & More

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
export type Place = S['Sitting']['place']
export type Intent = S['Seat']['intent']
export type Shown = S['Seat']['shown']
export type CallState = S['Card']['state'] // telephony.Word
export type CallOutcome =
  | 'answered_official'
  | 'answered_operator'
  | 'registered_callback'
  | 'abandoned_on_hold'
  | 'abandoned_in_queue'
  | 'abandoned_short'
  | 'abandoned_ringing'
  | 'closed_before_turn'
  | 'out_of_scope'
  | 'blocked'
  | 'system_failure'
export type TicketState = S['Ticket']['state']
export type TicketClass = S['Ticket']['class']
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

export type Named = S['Named']
export type Me = With<S['Me'], { roles: Role[]; seat: S['Sitting'] | null }>
export type Session = S['Session']
export type Seat = With<S['Seat'], { person: Named | null; recorder: Named | null }>
export type PhoneAccount = S['PhoneAccount']

export type Card = With<
  S['Card'],
  {
    outcome: CallOutcome | ''
  }
>
export type TicketPromise = Known<S['Promise']>
export type TicketLine = With<S['TicketSummary'], { outcome: TicketOutcome; promise: TicketPromise | null }>
export type Pop = With<
  S['Pop'],
  {
    earlier_calls: { id: string; arrived_at: string; outcome: CallOutcome | '' | null }[]
    open_tickets: TicketLine[]
    last_ticket: TicketLine | null
  }
>

export type Ticket = With<S['Ticket'], { outcome: TicketOutcome; promise: TicketPromise | null }>
export type TicketEvent = S['Event']
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

export type WaitingCall = Known<S['BoardCaller']>
export type BoardLine = With<S['BoardLine'], { waiting: WaitingCall[] }>
export type Counts = S['Counts']
export type BoardSeat = Seat & Pick<S['BoardSeat'], 'call_state'>
export type Board = With<S['Board'], { lines: BoardLine[]; seats: BoardSeat[] }>
export type Callback = With<S['Callback'], { reason: CallOutcome }>
