import { ask, http } from './client'
import type { Intent, Me, PhoneAccount, Place, Seat, Session, Spot } from './types'

export const login = (login_name: string, password: string): Promise<Me> =>
  ask(http.POST('/api/v1/login', { body: { login_name, password } }))

export const logout = (): Promise<undefined> => ask(http.POST('/api/v1/logout'))

export const me = (): Promise<Me> => ask(http.GET('/api/v1/me'))

export const session = async (): Promise<Session | null> => (await ask<{ session: Session | null }>(http.GET('/api/v1/session'))).session

export const seats = (): Promise<{ position: string; seats: Seat[]; assigned: Spot[] }> => ask(http.GET('/api/v1/seats'))

export const seat = (id: string): Promise<Seat> => ask(http.GET('/api/v1/seats/{seat}', { params: { path: { seat: id } } }))

export const take = (id: string, place: Place, takeOver: boolean): Promise<Seat> =>
  ask(http.POST('/api/v1/seats/{seat}/take', { params: { path: { seat: id } }, body: { place, take_over: takeOver } }))

// The reason is a supervisor's, of somebody else's place.
export const signOut = (id: string, place: Place, reason?: string): Promise<Seat> =>
  ask(http.POST('/api/v1/seats/{seat}/sign-out', { params: { path: { seat: id } }, body: { place, ...(reason && { reason }) } }))

export const phone = (id: string, client: string): Promise<PhoneAccount> =>
  ask(http.POST('/api/v1/seats/{seat}/phone', { params: { path: { seat: id } }, body: { client, phone: 'browser', place: 'official' } }))

export const device = (id: string, client: string, state: 'ok' | 'media_failed'): Promise<undefined> =>
  ask(http.POST('/api/v1/seats/{seat}/device', { params: { path: { seat: id } }, body: { client, device: state } }))

export interface Wish {
  intent: Intent
  rest_code?: string
  rest_minutes?: number
  reason?: string // of a supervisor, for somebody else's seat
}

export const intend = (id: string, version: number, wish: Wish): Promise<Seat> =>
  ask(http.POST('/api/v1/seats/{seat}/intent', { params: { path: { seat: id } }, body: { ...wish, version } }))

export const cancelPending = (id: string, version: number): Promise<Seat> =>
  ask(http.POST('/api/v1/seats/{seat}/cancel-pending', { params: { path: { seat: id } }, body: { version } }))

export const socketTicket = async (topics: string[], since: string): Promise<string> =>
  (await ask<{ ticket: string }>(http.POST('/api/v1/ws-ticket', { body: { topics, since } }))).ticket
