// The official's seat in every state.
import { ago, card, id, pop, soon, summary, ticket, written } from '../people'
import { later, officialAt, seatWorld, sitDown, unfinished, waiting, type AtSeat } from '../worlds'
import { never, refuse, unreachable, type Scenario, type Step, type Turn } from '../world'

const queue = [waiting(5)]

const check = (name: string, about: string, more: Partial<Scenario>): Scenario => ({
  name: `check-${name}`,
  about,
  path: '/seat/A01',
  world: officialAt({ seat: { intent: 'busy', shown: 'device_failed', device: 'unregistered' } }),
  gauges: queue,
  shows: 'device-check',
  ...more,
})

const start: Step = { press: 'check-start' }

// at: the official has sat down, and then this is so.
const at = (name: string, about: string, state: AtSeat, more: { push?: Omit<Turn, 'world'>; steps?: Step[]; shows?: string; scenario?: Partial<Scenario> } = {}): Scenario => ({
  name: `seat-${name}`,
  about,
  path: '/seat/A01',
  world: officialAt(),
  gauges: queue,
  steps: [...sitDown, { see: 'state-word' }, later(state, more.push), ...(more.steps ?? [])],
  shows: more.shows ?? `[data-testid=state-word][data-state=${state.card && state.card.state !== 'offered' && state.card.state !== 'ended' ? state.card.state : (state.seat?.shown ?? 'ready')}]`,
  ...more.scenario,
})

const alone: AtSeat['seat'] = { recorder: null }
const engaged: AtSeat['seat'] = { work: 'engaged', shown: 'talking', work_since: ago(192) }
const after: AtSeat['seat'] = { work: 'wrap_up', shown: 'wrap_up', work_since: ago(15), wrapup_until: soon(45) }
const ringing: AtSeat = {
  seat: { work: 'offered', shown: 'ringing', work_since: ago(6) },
  card: card({ state: 'offered', answered_at: null, offer: { id: id(300), offered_at: ago(6), expires_at: soon(14) } }),
}
const ended = card({ state: 'ended', wrapup_until: soon(45), outcome: 'answered_official' })
const filled = ticket(written)
const registered = ticket({ ...written, state: 'closed', number: '41-0129', registered_at: ago(5), closed_at: ago(5) })

export const seats: Scenario[] = [
  check('begin', 'Before the test', {}),
  check('asking', 'The browser asks for the microphone', { microphone: 'asking', steps: [start], shows: '[data-testid=check-mic][data-step=doing]' }),
  check('quiet', 'Nothing is heard for a while', { microphone: 'silent', steps: [start, { see: '[data-testid=check-line][data-step=ok]' }], shows: '[data-testid=check-mic][data-step=doing]' }),
  check('passed', 'Everything works', { steps: [start], shows: '[data-testid=go-ready]:not([disabled], [aria-disabled=true])' }),
  check('denied', 'The microphone is forbidden', { microphone: 'NotAllowedError', steps: [start], shows: 'check-again' }),
  check('no-microphone', 'There is no microphone', { microphone: 'NotFoundError', steps: [start], shows: 'check-again' }),
  check('in-use', 'Another program has the microphone', { microphone: 'NotReadableError', steps: [start], shows: 'check-again' }),
  check('insecure', 'The page came over plain http', { insecure: true, steps: [start], shows: 'check-again' }),
  check('line-waits', 'The exchange has not answered yet', { exchange: 'silent', steps: [start], shows: '[data-testid=check-line][data-step=doing]' }),
  check('line-lost', 'The exchange is away', { exchange: 'away', steps: [start], shows: '[data-testid=check-line][data-step=bad]' }),
  check('other-tab', 'Another tab has the telephone', { beside: 'check-passed', steps: [start], shows: 'phone-take-over' }),
  check('moved', 'Another browser has taken the telephone', {
    world: { ...officialAt(), 'POST /api/v1/seats/{seat}/device': refuse(409, 'client.replaced') },
    steps: [start],
    shows: 'phone-take-over',
  }),

  { name: 'seat-loading', about: 'The seat is being read', path: '/seat/A01', world: { ...officialAt(), 'GET /api/v1/seats/{seat}': never }, shows: '.el-skeleton' },
  { name: 'seat-error', about: 'The seat cannot be read', path: '/seat/A01', world: { ...officialAt(), 'GET /api/v1/seats/{seat}': unreachable }, shows: 'main [role=alert]' },

  at('ready', 'Waiting for a call', {}),
  at('ready-nobody', 'Waiting, and nobody queues', {}, { push: { gauges: [waiting(0)] } }),
  at('ready-alone', 'Waiting without a recorder', { seat: alone }),
  at('ringing', 'A citizen calls', ringing),
  at('ringing-first', 'An anonymous citizen calls for the first time', {
    ...ringing,
    card: { ...ringing.card!, masked: '', place: '' },
    pop: pop({ masked: '', place: '', earlier_count: 0, earlier_calls: [], last_ticket: null, open_tickets: [] }),
  }),
  at('declining', 'Why not now', ringing, { steps: [{ press: 'decline' }], shows: 'decline-conflict' }),
  at('talking', 'A recorder writes', { seat: engaged, card: card(), tickets: [ticket({ ...written, answer: '', outcome: '' })] }),
  at('talking-alone', 'The official writes', { seat: { ...engaged, ...alone }, card: card() }),
  at('talking-away', "The recorder's page is gone", { seat: { ...engaged, away: ['recorder'] }, card: card(), tickets: [filled] }),
  at('muted', 'The official is not heard', { seat: engaged, card: card({ muted: true }) }),
  at('held', 'The citizen waits with music', { seat: engaged, card: card({ state: 'held', held_at: ago(31) }) }),
  at('reconnecting', 'The line of the official broke', { seat: engaged, card: card({ state: 'reconnecting' }) }),
  at('pending-rest', 'Rest after this call', { seat: { ...engaged, shown: 'pending_rest', pending: 'rest' }, card: card() }),
  at('after', 'The call is over, nothing chosen', { seat: after, card: ended }),
  at('after-chosen', 'The recorder has filled in the form', { seat: after, card: ended, tickets: [filled] }),
  at('after-lacking', 'On without what is missing', { seat: { ...after, ...alone }, card: ended, tickets: [ticket({ outcome: 'ticket' })] }, { steps: [{ turn: { world: { 'POST /api/v1/seats/{seat}/next': unfinished } } }, { press: 'next-caller' }], shows: 'lacking' }),
  at('after-registered', 'Registered', { seat: { ...after, ...alone }, card: ended, tickets: [registered] }),
  at('after-signing-out', 'Sign-out is noted', { seat: { ...after, shown: 'pending_sign_out', pending: 'sign_out' }, card: ended, tickets: [filled] }, { shows: 'state-word' }),
  at('rest', 'Rest for ten minutes', { seat: { intent: 'rest', shown: 'rest', intent_since: ago(360), rest_code: 'short', rest_until: soon(240) } }),
  at('rest-over', 'The rest is over', { seat: { intent: 'rest', shown: 'rest', intent_since: ago(660), rest_code: 'short', rest_until: ago(60) } }),
  at('rest-menu', 'How long a rest', {}, { steps: [{ press: 'rest' }], shows: 'rest-10' }),
  at('busy', 'No calls wanted', { seat: { intent: 'busy', shown: 'busy', intent_since: ago(75) } }),
  at('device-failed', 'The telephone does not work', { seat: { shown: 'device_failed', device: 'unregistered' } }),
  at('lost', 'The connection is lost while waiting', {}, { push: { link: 'cut' }, shows: 'reconnect-bar' }),
  at('lost-talking', 'The connection is lost in a call', { seat: engaged, card: card() }, { steps: [{ see: '[data-state=talking]' }, { turn: { link: 'cut' } }], shows: 'reconnect-bar' }),
  at('ended', 'The login has ended in a call', { seat: engaged, card: card() }, { steps: [{ see: '[data-state=talking]' }, { turn: { link: 'ended' } }], shows: 'reconnect-bar' }),
  at('silent', 'Nothing is heard of the other side', { seat: engaged, card: card() }, { push: { line: 'over' }, shows: '[data-testid=phone-trouble]:not(:empty)' }),
  at('two-appeals', 'Two appeals, and the official writes', { seat: { ...engaged, ...alone }, card: card(), tickets: [filled, ticket({ id: id(201), kind: 'appeal' })] }),
  at('kept', 'Drafts of earlier calls are not finished', {}, { shows: 'drafts-kept', scenario: { world: officialAt({ earlier: [1, 2].map((n) => summary(n, { state: 'draft', number: null, title: n === 1 ? '' : written.title, promise: null, due_at: null, registered_at: null, call: id(700 + n) })) }) } }),
  at('logout', 'Logging out in a call', { seat: engaged, card: card() }, { steps: [{ see: '[data-state=talking]' }, { press: 'person-menu' }, { press: 'logout' }], shows: 'logout-ask' }),
  at('keys', 'The sheet of keys', { seat: engaged, card: card() }, { steps: [{ see: '[data-state=talking]' }, { press: 'keys-open' }], shows: 'keys-sheet' }),
  at('person-menu', 'The menu behind the name', {}, { steps: [{ press: 'person-menu' }], shows: 'logout' }),
  {
    name: 'seat-elsewhere',
    about: 'The conversation runs on another page',
    path: '/seat/A01',
    world: { ...officialAt(), ...seatWorld({ seat: engaged, card: card() }) },
    gauges: queue,
    shows: 'phone-here',
  },
]
