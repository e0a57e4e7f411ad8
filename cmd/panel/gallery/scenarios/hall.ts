// The live board and the settings.
import type { components } from '@/api/schema'

import { ago, board, callbacks, id, line, me, noCounts, office, sixtySeats, soon, supervisor } from '../people'
import { boardGauge, boardWorld, signedIn } from '../worlds'
import { never, refuse, unreachable, type Scenario, type World } from '../world'

type S = components['schemas']

const hall = (name: string, about: string, more: Partial<Scenario> = {}): Scenario => ({ name: `board-${name}`, about, path: '/board', world: boardWorld(supervisor), gauges: [boardGauge()], shows: 'board-waiting', ...more })

const boards: Scenario[] = [
  hall('six', 'Six seats'),
  hall('sixty', 'Sixty seats', { world: boardWorld(supervisor, board({ seats: sixtySeats })) }),
  hall('quiet', 'Nothing happens yet', { world: { ...boardWorld(supervisor, board({ counts: noCounts, today: noCounts, lines: [{ id: line, name: '接热线、办实事', waiting: [] }], seats: [] })), 'GET /api/v1/callbacks': { callbacks: [] } } }),
  hall('two-lines', 'Two lines', { world: boardWorld(supervisor, board({ lines: [...board().lines, { id: 'ordinary', name: '日常热线', waiting: board().lines[0]!.waiting.slice(1, 3).map((w) => ({ ...w, call: `${w.call.slice(0, -3)}9${w.call.slice(-2)}` })) }] })) }),
  hall('office', 'The office, which calls nobody back', { world: boardWorld(office) }),
  hall('formula', 'What a figure means', { steps: [{ point: 'dl > *:nth-child(3)' }], shows: '.el-popper' }),
  hall('stores-away', 'The stores do not answer', { gauges: [boardGauge({ ledger_away_since: ago(42), queue_away_since: ago(40), pages_away: [{ seat: 'A01', since: ago(75) }] })], shows: 'ledger-away' }),
  hall('unanswered', 'A seat does not answer', { steps: [{ see: 'board-live' }, { turn: { facts: [{ type: 'fact', kind: 'seat.unanswered', subject: 'A04', data: { seat: 'A04', misses: 3 } }] } }], shows: '.el-notification' }),
  hall('stale', 'The connection is lost', { steps: [{ see: 'board-live' }, { turn: { link: 'cut' } }], shows: 'board-stale' }),
  hall('no-news', 'No right to hear the news', { link: 'denied' }),
  hall('loading', 'Being read', { world: { ...boardWorld(supervisor), 'GET /api/v1/board': never }, shows: '.el-skeleton' }),
  hall('error', 'Cannot be read', { world: { ...boardWorld(supervisor), 'GET /api/v1/board': unreachable }, shows: 'main [role=alert]' }),
  hall('callbacks-many', 'Many to call back', { world: { ...boardWorld(supervisor), 'GET /api/v1/callbacks': { callbacks: Array.from({ length: 14 }, (_, n) => ({ ...callbacks[n % 3]!, id: id(600 + n) })) } } }),
]

const setting = (key: string, more: Partial<S['Setting']>): S['Setting'] => ({
  key, scope: line, scope_name: '接热线、办实事', kind: 'number', unit: 's', min: 5, max: 120, choices: [], initial: '20', value: '20',
  newest: 0, two_people: false, may_propose: true, may_approve: false, to_come: [], ...more,
})

const change = (more: Partial<S['Change']>): S['Change'] => ({ author: { id: id(9), name: '孙立' }, before: '10', value: '8', proposed_at: ago(7200), effective_from: ago(7200), reason: '群众等候较多', state: 'in_force', version: 1, ...more })

const year = '2027-01-01 休 元旦\n2027-01-02 休 元旦\n2027-01-03 班 元旦'
const two = { two_people: true, scope: '', scope_name: '' }

const waits = change({ state: 'waiting', version: 2, before: '10', value: '8', reason: '缩短办理时间' })

const settings: S['Setting'][] = [
  setting('line.ring', { value: '15', newest: 1, in_force: change({ before: '20', value: '15', in_force_from: ago(7200) }) }),
  setting('line.wrapup', { initial: '60', value: '60', max: 600, to_come: [change({ state: 'planned', before: '60', value: '90', effective_from: soon(86_400), in_force_from: soon(86_400) })] }),
  setting('line.grace', { initial: '30', value: '30' }),
  setting('line.notice', { kind: 'choice', unit: '', choices: ['', 'hotline/recording-notice'], initial: 'hotline/recording-notice', value: 'hotline/recording-notice' }),
  setting('promise.consultation', { ...two, unit: 'workdays', initial: '3', value: '3', min: 1, max: 30, may_propose: false }),
  setting('promise.other', { ...two, unit: 'workdays', initial: '10', value: '10', min: 1, max: 60, may_propose: false, may_approve: true, to_come: [waits], newest: 2 }),
  setting('calendar.workdays', { kind: 'days', unit: '', scope: '2026', scope_name: '2026', two_people: true, initial: '', value: year.replaceAll('2027', '2026') }),
  setting('calendar.workdays', { kind: 'days', unit: '', scope: '2027', scope_name: '2027', two_people: true, initial: '', value: '', dropped: change({ state: 'withdrawn', before: '', value: year, withdrawer: { id: id(8), name: '何静' }, withdrawn_at: ago(600), withdrawn_why: '缺国庆节' }) }),
]

const history: S['Change'][] = [
  change({ version: 2, in_force_from: ago(7200), before: '20', value: '15' }),
  change({ version: 1, state: 'past', before: '25', value: '20', proposed_at: ago(900_000), in_force_from: ago(900_000), reason: '', author: { id: '', name: '' } }),
]

const set = (name: string, about: string, answers: World = {}, more: Partial<Scenario> = {}): Scenario => ({
  name: `settings-${name}`,
  about,
  path: '/settings',
  world: { ...signedIn(office), 'GET /api/v1/settings': { settings }, 'GET /api/v1/settings/{key}/history': { versions: history }, ...answers },
  shows: `change-line.ring-${line}`,
  ...more,
})

const ring = `change-line.ring-${line}`
const openRing = { press: ring }
const typed = [openRing, { type: 'setting-value', text: '12' }, { type: 'setting-reason', text: '群众等候较多' }]
const historyButton = 'tbody tr:first-child .buttons button:last-child'

const sets: Scenario[] = [
  set('page', 'All settings'),
  set('reader', 'Who may only look', { 'GET /api/v1/me': me(['audit_admin'], '审计员'), 'GET /api/v1/settings': { settings: settings.map((s) => ({ ...s, may_propose: false, may_approve: false })) } }, { shows: 'main table' }),
  set('loading', 'Being read', { 'GET /api/v1/settings': never }, { shows: '.el-skeleton' }),
  set('error', 'Cannot be read', { 'GET /api/v1/settings': refuse(500, 'internal') }, { shows: 'main [role=alert]' }),
  set('empty', 'There is none', { 'GET /api/v1/settings': { settings: [] } }, { shows: 'main h1' }),
  set('change', 'A number', {}, { steps: [openRing], shows: 'setting-value' }),
  set('change-wrong', 'A number out of bounds', {}, { steps: [openRing, { type: 'setting-value', text: '3' }, { press: 'setting-next' }], shows: '.fault' }),
  set('change-later', 'From a later time', {}, { steps: [openRing, { press: 'setting-later' }], shows: 'setting-from' }),
  set('change-ask', 'The same in one sentence', {}, { steps: [...typed, { press: 'setting-next' }], shows: 'setting-ask' }),
  set('change-stale', 'Somebody else was faster', { 'POST /api/v1/settings/{key}/propose': refuse(409, 'setting.stale') }, { steps: [...typed, { press: 'setting-next' }, { press: 'setting-send' }], shows: 'setting-trouble' }),
  set('change-choice', 'A choice', {}, { steps: [{ press: `change-line.notice-${line}` }], shows: '.el-dialog fieldset' }),
  set('change-days', "A year's days", {}, { steps: [{ press: 'change-calendar.workdays-2027' }], shows: 'setting-value' }),
  set('agree', 'The second person agrees', {}, { steps: [{ press: 'agree-promise.other' }], shows: 'setting-decide' }),
  set('refuse', 'The second person does not', {}, { steps: [{ press: 'refuse-promise.other' }], shows: 'decide-why' }),
  set('history', 'What it was before', {}, { steps: [{ press: historyButton }], shows: 'setting-history' }),
  set('history-none', 'Never changed', { 'GET /api/v1/settings/{key}/history': { versions: [] } }, { steps: [{ press: historyButton }], shows: '.el-dialog p' }),
  set('history-error', 'Cannot be read', { 'GET /api/v1/settings/{key}/history': unreachable }, { steps: [{ press: historyButton }], shows: '.el-dialog [role=alert]' }),
]

export const halls: Scenario[] = [...boards, ...sets]
