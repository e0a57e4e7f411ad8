// The recorder's page, the tickets and the form in its states.
import type { components } from '@/api/schema'

import { ago, card, id, me, promise, soon, summary, supervisor, ticket, written } from '../people'
import { recorderAt, signedIn, unfinished, waiting, type AtSeat } from '../worlds'
import { never, refuse, unreachable, type Scenario, type World } from '../world'

type S = components['schemas']

const engaged: AtSeat['seat'] = { work: 'engaged', shown: 'talking', work_since: ago(192) }
const after: AtSeat['seat'] = { work: 'wrap_up', shown: 'wrap_up', work_since: ago(15), wrapup_until: soon(45) }
const ended = card({ state: 'ended', wrapup_until: soon(45), outcome: 'answered_official' })

const record = (name: string, about: string, state: AtSeat, more: Partial<Scenario> = {}): Scenario => ({
  name: `record-${name}`,
  about,
  path: '/record/A01',
  gauges: [waiting(5)],
  shows: 'state-word',
  ...more,
  world: { ...recorderAt(state), ...more.world },
})

const talking: AtSeat = { seat: engaged, card: card() }
const half = ticket({ ...written, answer: '', outcome: '' })

// A save that ends like this, after somebody has typed.
const saving = (name: string, about: string, patch: World['PATCH /api/v1/tickets/{id}'], shows: string): Scenario =>
  record(`save-${name}`, about, { ...talking, tickets: [half] }, { world: { 'PATCH /api/v1/tickets/{id}': patch }, steps: [{ type: 'draft-answer', text: '可以在“皖事通”办理，不需要回来。' }], shows })

const clashed: S['Ticket'] = {
  ...half,
  answer: '由参保地医保中心受理，三个工作日内办结。',
  version: 5,
  written: { answer: { by: '王建国', at: ago(4), version: 5 } },
}

const records: Scenario[] = [
  record('idle', 'The official waits for a call', {}),
  record('idle-no-official', 'The official has not come', { seat: { person: null, shown: 'signed_out' } }),
  record('ringing', 'A citizen calls the official', {
    seat: { work: 'offered', shown: 'ringing' },
    card: card({ state: 'offered', answered_at: null, offer: { id: id(300), offered_at: ago(6), expires_at: soon(14) } }),
  }, { shows: '[data-state=ringing]' }),
  record('talking', 'An empty form', talking, { shows: 'draft-title' }),
  record('talking-filled', 'A filled form', { ...talking, tickets: [ticket({ ...written, outcome: 'ticket', class: 'other', confidential: true })] }, { shows: 'draft-title' }),
  record('outcomes', 'All outcomes', { ...talking, tickets: [half] }, { steps: [{ press: 'outcome-more' }], shows: 'outcome-abusive' }),
  record('two-appeals', 'Two appeals in one call', { ...talking, tickets: [ticket(written), ticket({ id: id(201), kind: 'appeal' })] }, { steps: [{ press: 'appeal-2' }], shows: 'appeal-2' }),
  record('held', 'The citizen waits with music', { seat: engaged, card: card({ state: 'held', held_at: ago(31) }) }, { shows: '[data-state=held]' }),
  saving('typing', 'Being saved', never, '[role=status] [data-testid=saving]'),
  saving('saved', 'Saved', (body) => ({ ...half, ...(body as object), version: 4 }), 'saved-at'),
  saving('retrying', 'Cannot be saved for now', unreachable, '.trouble [data-testid=saving]'),
  saving('refused', 'Not allowed', refuse(403, 'not_allowed'), '.trouble [data-testid=saving]'),
  saving('clash', 'Two have written in one field', refuse(409, 'ticket.clash', { now: clashed }), 'clash-answer'),
  record('lacking', 'Registered too early', talking, { steps: [{ press: 'register' }], shows: '.missing' }),
  record('after', 'The call is over', { seat: after, card: ended, tickets: [half] }, { shows: 'next-caller' }),
  record('after-lacking', 'On without what is missing', { seat: after, card: ended }, { world: { 'POST /api/v1/seats/{seat}/next': unfinished }, steps: [{ press: 'next-caller' }], shows: 'lacking' }),
  record('after-registered', 'Registered', { seat: after, card: ended, tickets: [ticket({ ...written, outcome: 'ticket', class: 'other', state: 'registered', number: '41-0129', promise, registered_at: ago(5) })] }, { shows: 'registered' }),
  record('loading', 'The seat is being read', {}, { world: { 'GET /api/v1/seats/{seat}': never }, shows: '.el-skeleton' }),
  record('error', 'The seat cannot be read', {}, { world: { 'GET /api/v1/seats/{seat}': unreachable }, shows: 'main [role=alert]' }),
]

const list: S['TicketSummary'][] = [
  summary(1, { state: 'draft', number: null, title: '', class: '', outcome: '', promise: null, due_at: null, registered_at: null }),
  summary(2, { due_at: ago(-20_000), promise: { ...promise, due_at: ago(-20_000) }, title: '小区二次供水压力不足，三楼以上早晚用不上水，物业与水务互相推诿已两个月' }),
  summary(3, { due_at: ago(90_000), promise: { ...promise, due_at: ago(90_000) }, title: '农民工工资拖欠' }),
  summary(4, { state: 'closed', class: 'consultation', outcome: 'answered', title: '灵活就业人员养老保险怎样缴费', closed_at: ago(300), promise: null, due_at: null }),
  summary(5, { kind: 'missed', state: 'draft', number: null, title: '', class: '', outcome: '', promise: null, due_at: null, official_name: null, registered_at: null, masked: '' }),
  ...Array.from({ length: 9 }, (_, n) => summary(6 + n)),
]

const page = (tickets: S['TicketSummary'][], next_cursor = ''): S['TicketPage'] => ({ tickets, next_cursor, count: tickets.length === 0 ? 0 : 164 })

const opened: S['TicketHistory'] = {
  ...ticket({ ...written, id: id(202), title: list[1]!.title, content: '小区 3 栋 2 单元自 9 月起早晚高峰无水。物业说是水务管网问题，水务说二次供水设备归物业。要求明确责任单位并限期恢复。', class: 'other', outcome: 'ticket', state: 'registered', number: '41-0002', promise, registered_at: ago(900), call_times: { arrived_at: ago(1500), answered_at: ago(1440), ended_at: ago(960) } }),
  writable: true,
  history: [
    { what: 'opened', at: ago(1500), actor: '', actor_name: '', data: {} },
    { what: 'seated', at: ago(1440), actor: id(1), actor_name: '王建国', data: {} },
    { what: 'drafted', at: ago(1200), actor: id(2), actor_name: '李敏', data: {} },
    { what: 'registered', at: ago(900), actor: id(2), actor_name: '李敏', data: {} },
  ],
}

const tickets = (name: string, about: string, answers: World, more: Partial<Scenario> = {}): Scenario => ({
  name: `tickets-${name}`,
  about,
  path: '/tickets',
  world: { ...signedIn(supervisor), 'GET /api/v1/tickets': page(list, 'more'), 'GET /api/v1/tickets/{id}': opened, 'GET /api/v1/promise': promise, ...answers },
  shows: `ticket-${id(202)}`,
  ...more,
})

const one = { path: `/tickets/${id(202)}`, shows: 'ticket-history' }
const draft = { ...ticket({ id: id(202) }), writable: true, history: opened.history.slice(0, 3) }

const desks: Scenario[] = [
  tickets('list', 'The list', {}),
  tickets('loading', 'The list is being read', { 'GET /api/v1/tickets': never }, { shows: '.el-skeleton' }),
  tickets('error', 'The list cannot be read', { 'GET /api/v1/tickets': refuse(500, 'internal') }, { shows: 'main [role=alert]' }),
  tickets('denied', 'No right to see tickets', { 'GET /api/v1/tickets': refuse(403, 'not_allowed') }, { shows: 'main [role=alert]' }),
  tickets('empty', 'There is none', { 'GET /api/v1/tickets': page([]) }, { shows: 'main p' }),
  tickets('empty-filter', 'None fits', { 'GET /api/v1/tickets': page([]) }, { steps: [{ press: 'tickets-closed' }], shows: '[data-testid=tickets-closed][aria-checked=true], [data-testid=tickets-closed][aria-pressed=true]' }),
  tickets('detail', 'A registered ticket', {}, one),
  tickets('detail-draft', 'A draft', { 'GET /api/v1/tickets/{id}': draft, 'PATCH /api/v1/tickets/{id}': (body) => ({ ...ticket({ id: id(202) }), ...(body as object), version: 4 }) }, { ...one, shows: 'draft-title' }),
  tickets('detail-draft-lacking', 'A draft registered too early', { 'GET /api/v1/tickets/{id}': draft }, { ...one, steps: [{ press: 'register' }], shows: '.missing' }),
  tickets('detail-loading', 'The ticket is being read', { 'GET /api/v1/tickets/{id}': never }, { ...one, shows: '.el-skeleton' }),
  tickets('detail-error', 'The ticket cannot be read', { 'GET /api/v1/tickets/{id}': refuse(500, 'internal') }, { ...one, shows: 'main [role=alert]' }),
  tickets('not-found', 'Not there, or not for this person', { 'GET /api/v1/tickets/{id}': refuse(404, 'not_found') }, { ...one, shows: 'ticket-not-found' }),
]

const unit = me(['unit'], '许可')
const refusedHere: Scenario = { name: 'tickets-unit', about: "A unit's clerk", path: '/tickets', world: { ...signedIn(unit), 'GET /api/v1/tickets': page(list.slice(1, 4)) }, shows: `ticket-${id(202)}` }

export const desk: Scenario[] = [...records, ...desks, refusedHere]
