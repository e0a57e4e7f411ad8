import { ask, http } from './client'
import type { Board, Callback, Card, Pop } from './types'

export const callAtSeat = (seat: string): Promise<{ position: string; call: Card | null }> =>
  ask(http.GET('/api/seats/{seat}/call', { params: { path: { seat } } }))

export const pop = (call: string): Promise<Pop> => ask(http.GET('/api/calls/{call}/pop', { params: { path: { call } } }))

export const decline = (offer: string, reason: string): Promise<undefined> =>
  ask(http.POST('/api/offers/{offer}/decline', { params: { path: { offer } }, body: { reason } }))

type Seen = Pick<Card, 'id' | 'version'>

// What is done to a call names the version that was on the screen; a card that only the news has told has none yet.
const seen = (c: Seen): { version?: number } => (c.version > 0 ? { version: c.version } : {})

export const hangup = (c: Seen): Promise<undefined> =>
  ask(http.POST('/api/calls/{call}/hangup', { params: { path: { call: c.id } }, body: seen(c) }))

export const hold = (c: Seen, on: boolean): Promise<undefined> =>
  on
    ? ask(http.POST('/api/calls/{call}/hold', { params: { path: { call: c.id } }, body: seen(c) }))
    : ask(http.POST('/api/calls/{call}/resume', { params: { path: { call: c.id } }, body: seen(c) }))

export const mute = (call: string, muted: boolean): Promise<undefined> =>
  ask(http.POST('/api/calls/{call}/mute', { params: { path: { call } }, body: { muted } }))

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
