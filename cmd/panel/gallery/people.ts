// Who and what the scenarios show: invented people and calls on one Thursday morning, typed by the API.
import type { components } from '@/api/schema'

type S = components['schemas']

// The instant at which every picture is taken.
export const at = '2026-11-26T10:12:30+08:00'

const morning = Date.parse(at)

// ago and soon: an instant so many seconds before or after the pictures'.
export const ago = (seconds: number): string => new Date(morning - seconds * 1000).toISOString()
export const soon = (seconds: number): string => ago(-seconds)

export const id = (n: number): string => `0199f000-0000-7000-8000-${String(n).padStart(12, '0')}`

export const line = 'hotline'
export const seatTopic = `waiting:${line}`

type Role = S['Me']['roles'][number]

export const me = (roles: Role[], name: string, seat: S['Sitting'] | null = null): S['Me'] => ({
  person: { id: id(roles[0] === 'recorder' ? 2 : 1), login_name: 'a', name, unit: 'ybj', unit_name: '省医疗保障局' },
  roles,
  seat,
  sip_seats: true,
})

export const official = me(['official'], '王建国', { id: 'A01', place: 'official' })
export const recorder = me(['recorder'], '李敏', { id: 'A01', place: 'recorder' })
export const supervisor = me(['supervisor'], '周红')
export const office = me(['office'], '孙立')

export const session: S['Session'] = {
  number: 41,
  unit_name: '省医疗保障局',
  theme: '异地就医与门诊共济',
  opens_at: '2026-11-26T08:30:00+08:00',
  closes_at: '2026-11-26T11:30:00+08:00',
  state: 'open',
}

export const person = (n: number, name: string): S['Named'] => ({ id: id(n), name })

export const seat = (more: Partial<S['Seat']> = {}): S['Seat'] => ({
  id: 'A01',
  label: '1 号席',
  unit_name: '省医疗保障局',
  kind: 'official',
  line,
  person: person(1, '王建国'),
  recorder: person(2, '李敏'),
  deputy: null,
  room: null,
  supervisor: null,
  away: [],
  intent: 'ready',
  intent_since: ago(1000),
  pending: '',
  rest_code: '',
  rest_until: null,
  work: 'idle',
  work_since: ago(95),
  wrapup_until: null,
  shown: 'ready',
  offer: null,
  call: null,
  device: 'ok',
  phone: 'browser',
  misses: 0,
  version: 7,
  ...more,
})

export const call = id(100)

export const card = (more: Partial<S['Card']> = {}): S['Card'] => ({
  id: call,
  state: 'talking',
  masked: '138****5678',
  place: '合肥市',
  arrived_at: ago(330),
  queued_at: ago(320),
  answered_at: ago(192),
  seat: 'A01',
  muted: false,
  held_at: null,
  offer: null,
  wrapup_until: null,
  outcome: '',
  version: 5,
  ...more,
})

export const promise: S['Promise'] = { due_at: '2026-12-10T16:00:00Z', last_day: '2026-12-10', working_days: 10, provisional: false }
export const shortPromise: S['Promise'] = { due_at: '2026-12-01T16:00:00Z', last_day: '2026-12-01', working_days: 3, provisional: false }

export const ticket = (more: Partial<S['Ticket']> = {}): S['Ticket'] => ({
  id: id(200),
  kind: 'call',
  call,
  call_times: { arrived_at: ago(330), answered_at: ago(192), ended_at: null },
  masked: '138****5678',
  place: '合肥市',
  seat: 'A01',
  session_number: 41,
  official_name: '王建国',
  state: 'draft',
  number: null,
  query_code: '7K2M9Q',
  title: '',
  content: '',
  answer: '',
  class: '',
  outcome: '',
  contact_name: '',
  event_place: '',
  confidential: false,
  promise: null,
  opened_at: ago(330),
  registered_at: null,
  closed_at: null,
  version: 3,
  written: {},
  ...more,
})

// A ticket that is filled in as one is after a call.
export const written = {
  title: '异地就医备案怎样办理',
  content: '来电人父亲常住杭州，在安徽参保，想知道异地就医备案怎样办理、是否需要回来办、备案以后住院能不能直接结算。',
  answer: '可以在“皖事通”办理备案，不需要回来；备案当天生效，住院费用直接结算，未备案的先自付后回参保地报销。',
  class: 'consultation',
  outcome: 'answered',
  contact_name: '陈女士',
  event_place: '杭州市西湖区',
} satisfies Partial<S['Ticket']>

export const summary = (n: number, more: Partial<S['TicketSummary']> = {}): S['TicketSummary'] => ({
  live: false,
  unit_name: '省医保局',
  id: id(200 + n),
  kind: 'call',
  call: id(100 + n),
  masked: `13${n % 10}****${String(5678 + n * 37).slice(-4)}`,
  place: ['合肥市', '芜湖市', '蚌埠市', '安庆市', '黄山市', ''][n % 6] ?? '',
  state: 'registered',
  number: `41-${String(n).padStart(4, '0')}`,
  title: '门诊共济账户家人能否共用',
  class: 'other',
  outcome: 'ticket',
  confidential: false,
  official_name: '王建国',
  seat: 'A01',
  session_number: 41,
  promise,
  due_at: promise.due_at,
  opened_at: ago(600 * n),
  registered_at: ago(600 * n - 300),
  closed_at: null,
  version: 4,
  ...more,
})

export const pop = (more: Partial<S['Pop']> = {}): S['Pop'] => ({
  call,
  masked: '138****5678',
  place: '合肥市',
  earlier_count: 2,
  earlier_calls: [
    { id: id(90), arrived_at: '2026-07-02T09:20:00+08:00', outcome: 'answered_official' },
    { id: id(91), arrived_at: '2026-03-12T10:41:00+08:00', outcome: 'abandoned_in_queue' },
  ],
  last_ticket: summary(9, { id: id(209), title: '医保关系转移接续进度', opened_at: '2026-07-02T09:20:00+08:00', state: 'closed' }),
  open_tickets: [summary(8, { id: id(208), title: '门诊慢特病资格认定未通过', opened_at: '2026-11-12T09:05:00+08:00' })],
  ...more,
})

const counts: S['Counts'] = { in_session: true, offered: 128, answered: 117, answered_15s: 96, abandoned: 7, short: 3, flow_out: 1, talk_s_avg: 214, wait_s_avg: 11.4, wait_s_max: 171 }

export const noCounts: S['Counts'] = { in_session: false, offered: 0, answered: 0, answered_15s: 0, abandoned: 0, short: 0, flow_out: 0, talk_s_avg: null, wait_s_avg: null, wait_s_max: null }

export const boardSeat = (n: number, more: Partial<S['BoardSeat']> = {}): S['BoardSeat'] => ({
  id: `A${String(n).padStart(2, '0')}`,
  label: `${n} 号席`,
  unit_name: '省医疗保障局',
  kind: 'official',
  line,
  person: person(n, ['王建国', '陈志强', '张丽华', '刘洋', '赵明', '吴秀英'][n % 6] ?? '王建国'),
  recorder: person(50 + n, ['李敏', '何静', '高磊'][n % 3] ?? '李敏'),
  intent: 'ready',
  intent_since: ago(1000),
  pending: '',
  rest_code: '',
  rest_until: null,
  work: 'idle',
  work_since: ago(20 + n * 7),
  wrapup_until: null,
  shown: 'ready',
  call: '',
  call_state: '',
  offer: '',
  device: 'ok',
  phone: 'browser',
  misses: 0,
  version: 3,
  ...more,
})

const inCall = (n: number, call_state: S['BoardSeat']['call_state']): S['BoardSeat'] =>
  boardSeat(n, { work: 'engaged', shown: 'talking', call: id(100 + n), call_state, work_since: ago(60 + n * 31) })

const sixSeats: S['BoardSeat'][] = [
  inCall(1, 'talking'),
  inCall(2, 'held'),
  boardSeat(3, { work: 'wrap_up', shown: 'wrap_up', wrapup_until: soon(40) }),
  boardSeat(4, { work: 'offered', shown: 'ringing', offer: id(300), misses: 3 }),
  boardSeat(5, { intent: 'rest', shown: 'rest', rest_code: 'short', rest_until: soon(240) }),
  boardSeat(6, { shown: 'signed_out', person: null, recorder: null }),
]

// sixty seats: a whole hall, in every state that a seat has.
export const sixtySeats: S['BoardSeat'][] = Array.from({ length: 60 }, (_, i): S['BoardSeat'] => {
  const n = i + 1
  const kinds: (() => S['BoardSeat'])[] = [
    () => inCall(n, 'talking'),
    () => boardSeat(n),
    () => inCall(n, 'reconnecting'),
    () => boardSeat(n, { device: 'unregistered', shown: 'device_failed', misses: 1 }),
    () => boardSeat(n, { intent: 'busy', shown: 'busy' }),
    () => boardSeat(n, { work: 'wrap_up', shown: 'pending_rest', pending: 'rest' }),
    () => inCall(n, 'talking'),
  ]
  return (kinds[i % kinds.length] ?? (() => boardSeat(n)))()
})

const caller = (n: number, more: Partial<S['BoardCaller']> = {}): S['BoardCaller'] => ({
  call: id(400 + n),
  masked: `15${n % 10}****${String(1203 + n * 411).slice(-4)}`,
  place: ['合肥市', '宣城市', '六安市', ''][n % 4] ?? '',
  queued_at: ago(70 - n * 9),
  state: 'queued',
  ...more,
})

export const board = (more: Partial<S['Board']> = {}): S['Board'] => ({
  at,
  position: '1-100',
  counts,
  today: counts,
  lines: [{ id: line, name: '接热线、办实事', waiting: [caller(0, { state: 'offered' }), caller(1), caller(2), caller(3), caller(6, { masked: '' })] }],
  seats: sixSeats,
  ...more,
})

export const callbacks: S['Callback'][] = [
  { id: id(500), call: id(501), masked: '139****0042', place: '合肥市', reason: 'abandoned_in_queue', created_at: ago(900) },
  { id: id(502), call: id(503), masked: '187****3310', place: '阜阳市', reason: 'abandoned_ringing', created_at: ago(540) },
  { id: id(504), call: id(505), masked: '055****1122', place: '', reason: 'closed_before_turn', created_at: '2026-11-25T11:31:00+08:00' },
]
