import { ask, http } from './client'
import type { Board, Callback, Card, Pop } from './types'

export const callAtSeat = (seat: string): Promise<{ position: string; call: Card | null }> =>
  ask(http.GET('/api/seats/{seat}/call', { params: { path: { seat } } }))

export const pop = (call: string): Promise<Pop> => ask(http.GET('/api/calls/{call}/pop', { params: { path: { call } } }))

export const decline = (offer: string, reason: string): Promise<undefined> =>
  ask(http.POST('/api/offers/{offer}/decline', { params: { path: { offer } }, body: { reason } }))

export const hangup = (call: string): Promise<undefined> =>
  ask(http.POST('/api/calls/{call}/hangup', { params: { path: { call } }, body: {} }))

export const next = (seat: string): Promise<undefined> =>
  ask(http.POST('/api/seats/{seat}/next', { params: { path: { seat } }, body: {} }))

// Go's empty lists may arrive as null.
type Bare<T> = { [K in keyof T]: T[K] | null }

export async function board(): Promise<Board> {
  const b = await ask<Omit<Board, 'lines' | 'seats'> & Bare<Pick<Board, 'lines' | 'seats'>>>(http.GET('/api/board'))
  return { ...b, lines: (b.lines ?? []).map((l) => ({ ...l, waiting: l.waiting ?? [] })), seats: b.seats ?? [] }
}

export async function openCallbacks(): Promise<Callback[]> {
  const got = await ask<{ callbacks: Callback[] | null }>(http.GET('/api/callbacks', { params: { query: { state: 'open' } } }))
  return got.callbacks ?? []
}
