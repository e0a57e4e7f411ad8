import { ask, http } from './client'
import type { Ticket, TicketEvent, TicketFields, TicketLine, TicketPromise, TicketQuery, Unit } from './types'

export type TicketWithHistory = Ticket & { history: TicketEvent[]; writable: boolean }

export const ticketsOfCall = (call: string): Promise<{ position: string; tickets: Ticket[] }> =>
  ask(http.GET('/api/v1/calls/{call}/tickets', { params: { path: { call } } }))

export const ticket = (id: string): Promise<TicketWithHistory> =>
  ask(http.GET('/api/v1/tickets/{id}', { params: { path: { id } } }))

export interface TicketPage {
  tickets: TicketLine[]
  next_cursor: string
  count: number
}

export const tickets = (query: TicketQuery): Promise<TicketPage> => ask(http.GET('/api/v1/tickets', { params: { query } }))

export const units = async (): Promise<Unit[]> => (await ask<{ units: Unit[] }>(http.GET('/api/v1/units'))).units

export const saveDraft = (id: string, version: number, fields: Partial<TicketFields>): Promise<Ticket> =>
  ask(http.PATCH('/api/v1/tickets/{id}', { params: { path: { id } }, body: { ...fields, version } }))

export const register = (id: string, version: number): Promise<Ticket> =>
  ask(http.POST('/api/v1/tickets/{id}/register', { params: { path: { id } }, body: { version } }))

export const furtherAppeal = (call: string): Promise<Ticket> =>
  ask(http.POST('/api/v1/calls/{call}/appeals', { params: { path: { call } }, body: {} }))

export const promiseOf = (cls: 'consultation' | 'other'): Promise<TicketPromise> =>
  ask(http.GET('/api/v1/promise', { params: { query: { class: cls } } }))
