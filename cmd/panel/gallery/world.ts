// What a scenario is made of: the server's answers, typed by its own description, what it pushes, what the microphone hears
// and what is pressed. Data only; edge.ts plays it, steps.ts presses.
import type { paths } from '@/api/schema'

import type { Line } from './exchange'

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'
type Operation<P extends keyof paths, V extends Verb> = NonNullable<paths[P][V]>

// Asked is every operation of the API: 'GET /api/v1/seats/{seat}'.
export type Asked = {
  [P in keyof paths]: { [V in Verb]: [Operation<P, V>] extends [never] ? never : `${Uppercase<V>} ${P}` }[Verb]
}[keyof paths]

type Good<O> = O extends { responses: { 200: { content: { 'application/json': infer B } } } } ? B : null

export type Answer<A extends Asked> = A extends `${infer V} ${infer P}` ? (P extends keyof paths ? Good<Operation<P, Lowercase<V> & Verb>> : never) : never

// A refusal of the server; status 0 is a server that cannot be reached.
export interface Refusal {
  status: number
  code: string
  detail?: string
  errors?: { location: string; message: string; value?: string }[]
  now?: unknown
}

export const refuse = (status: number, code: string, more: Omit<Refusal, 'status' | 'code'> = {}): Refusal => ({ status, code, ...more })
export const unreachable = refuse(0, 'unreachable')
export const never = 'no answer comes'

type Given<A extends Asked> = Answer<A> | Refusal | typeof never

// World answers operations: one with the same answer each time, or by what is sent and where.
export type World = { [A in Asked]?: Given<A> | ((body: Record<string, unknown>, path: string) => Given<A>) }

export interface Fact {
  type: 'fact'
  kind: string
  subject: string
  data: Record<string, unknown>
}

export interface Gauge {
  type: 'gauge'
  topic: string
  data: Record<string, unknown>
}

// Push: what comes on the socket. Gauges are repeated each second, as the server does.
export interface Push {
  link?: 'live' | 'cut' | 'denied' | 'ended'
  gauges?: Gauge[]
  facts?: Fact[]
}

export type Microphone = 'speaks' | 'silent' | 'asking' | 'NotAllowedError' | 'NotFoundError' | 'NotReadableError'
export type Exchange = 'registers' | 'silent' | 'away'

// Turn is the world some moments later.
export interface Turn extends Push {
  world?: World
  line?: Line // what the exchange does at the seat
}

export type Step =
  | { press: string } // a control by its data-testid, or by a selector
  | { type: string; text: string }
  | { point: string } // the pointer rests there
  | { turn: Turn }
  | { see: string }

export interface Scenario extends Push {
  name: string
  about: string
  path: string
  world: World
  microphone?: Microphone
  exchange?: Exchange
  insecure?: boolean // the page came over plain http
  beside?: string // another scenario is open in another tab
  steps?: Step[]
  shows: string // what has to be on the screen: a data-testid or a selector
}
