import { ask, http } from './client'
import type { Board, Callback, Card, Pop } from './types'

export const callAtSeat = (seat: string): Promise<{ position: string; call: Card | null }> =>
  ask(http.GET('/api/v1/seats/{seat}/call', { params: { path: { seat } } }))

export const pop = (call: string): Promise<Pop> => ask(http.GET('/api/v1/calls/{call}/pop', { params: { path: { call } } }))

export const decline = (offer: string, reason: string): Promise<undefined> =>
  ask(http.POST('/api/v1/offers/{offer}/decline', { params: { path: { offer } }, body: { reason } }))

type Seen = Pick<Card, 'id' | 'version'>

// What is done to a call names the version that was on the screen.
const seen = (c: Seen): { version: number } => ({ version: c.version })

export const hangup = (c: Seen): Promise<undefined> =>
  ask(http.POST('/api/v1/calls/{call}/hangup', { params: { path: { call: c.id } }, body: seen(c) }))

export const hold = (c: Seen, on: boolean): Promise<undefined> =>
  on
    ? ask(http.POST('/api/v1/calls/{call}/hold', { params: { path: { call: c.id } }, body: seen(c) }))
    : ask(http.POST('/api/v1/calls/{call}/resume', { params: { path: { call: c.id } }, body: seen(c) }))

export const mute = (c: Seen, muted: boolean): Promise<undefined> =>
  ask(http.POST('/api/v1/calls/{call}/mute', { params: { path: { call: c.id } }, body: { muted, ...seen(c) } }))

// The call is the one whose wrap-up was on the screen. Leave: though its tickets lack something.
export const next = (seat: string, call: string, leave: boolean): Promise<undefined> =>
  ask(http.POST('/api/v1/seats/{seat}/next', { params: { path: { seat } }, body: { call, leave } }))

// Go's empty lists may arrive as null.
type Bare<T> = { [K in keyof T]: T[K] | null }

export async function board(): Promise<Board> {
  const b = await ask<Omit<Board, 'lines' | 'seats'> & Bare<Pick<Board, 'lines' | 'seats'>>>(http.GET('/api/v1/board'))
  return { ...b, lines: (b.lines ?? []).map((l) => ({ ...l, waiting: l.waiting ?? [] })), seats: b.seats ?? [] }
}

export async function openCallbacks(): Promise<Callback[]> {
  const got = await ask<{ callbacks: Callback[] | null }>(http.GET('/api/v1/callbacks', { params: { query: { state: 'open' } } }))
  return got.callbacks ?? []
}

export const closeCallback = (id: string, state: 'done' | 'given_up', note?: string): Promise<undefined> =>
  ask(http.POST('/api/v1/callbacks/{callback}/close', { params: { path: { callback: id } }, body: { state, ...(note && { note }) } }))
