// The API as the panel uses it: names for what the server's own description (schema.d.ts, made by `make generate`) says.
import type { components, paths } from './schema'

export type { paths }

type S = components['schemas']

export type Role = S['Me']['roles'][number]
export type Place = S['Sitting']['place']
export type Intent = S['Seat']['intent']
export type Shown = S['Seat']['shown']
export type CallState = S['Card']['state'] // telephony.Word
export type CallOutcome = S['Callback']['reason']
export type TicketState = S['Ticket']['state']
export type TicketClass = S['Ticket']['class']
export type TicketOutcome = S['Ticket']['outcome']

export type Named = S['Named']
export type Me = S['Me']
export type Session = S['Session']
export type Spot = S['Spot']
export type Seat = S['Seat']
export type PhoneAccount = S['PhoneAccount']

export type Card = S['Card']
export type TicketPromise = S['Promise']
export type TicketLine = S['TicketSummary']
export type TicketQuery = NonNullable<paths['/api/v1/tickets']['get']['parameters']['query']>
export type Unit = S['Unit']
export type Pop = S['Pop']
export type Ticket = S['Ticket']
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

export type WaitingCall = S['BoardCaller']
export type BoardLine = S['BoardLine']
export type Counts = S['Counts']
export type BoardSeat = S['BoardSeat']
export type Board = S['Board']
export type Callback = S['Callback']
export type SettingChange = S['Change']
export type Setting = S['Setting']
