// Login, the choice of a seat, and what is not for whom.
import { me, person, recorder, seat } from '../people'
import { nobody, seatWorld, signedIn } from '../worlds'
import { never, refuse, unreachable, type Scenario, type World } from '../world'

const visitor = me(['official'], '王建国')
const clerk = me(['recorder'], '李敏')

const seats = [
  seat({ person: null, recorder: null, shown: 'signed_out' }),
  seat({ id: 'A02', label: '2 号席', unit_name: '省人力资源和社会保障厅', person: person(11, '陈志强'), recorder: person(12, '何静'), away: ['recorder'] }),
  seat({ id: 'A03', label: '3 号席', unit_name: '省住房和城乡建设厅', person: null, recorder: person(13, '高磊'), shown: 'signed_out' }),
  seat({ id: 'A04', label: '4 号席', unit_name: '', person: null, recorder: null, supervisor: person(14, '周红'), shown: 'signed_out' }),
]

const choice = (who: World, more: World = {}): World => ({
  ...who,
  'GET /api/v1/seats': { position: '1-100', seats, assigned: [{ seat: 'A01', place: 'official' }, { seat: 'A02', place: 'official' }] },
  ...more,
})

const fill = [
  { type: 'login-name', text: 'wangjianguo' },
  { type: 'login-password', text: 'password' },
]

const login = (name: string, about: string, more: Partial<Scenario>): Scenario => ({ name: `login-${name}`, about, path: '/login', world: nobody, shows: 'login-submit', ...more })

export const doors: Scenario[] = [
  login('empty', 'Nobody is signed in', {}),
  login('missing', 'Pressed without name and password', { steps: [{ press: 'login-submit' }] }),
  login('busy', 'The server thinks', { world: { ...nobody, 'POST /api/v1/login': never }, steps: [...fill, { press: 'login-submit' }] }),
  login('refused', 'A wrong password', {
    world: { ...nobody, 'POST /api/v1/login': refuse(401, 'login.wrong') },
    steps: [...fill, { press: 'login-submit' }],
    shows: 'login-refusal',
  }),
  login('ended', 'The login ended meanwhile', { path: '/login?why=ended&back=/seat/A01', shows: '[role=status]' }),
  login('unreachable', 'The server cannot be reached', { path: '/tickets', world: { 'GET /api/v1/me': unreachable }, shows: 'login-refusal' }),
  { name: 'seats-choice', about: 'An official chooses a seat', path: '/seats', world: choice(signedIn(visitor)), shows: 'seat-A01-official' },
  {
    name: 'seats-loading',
    about: 'The seats are being read',
    path: '/seats',
    world: { ...signedIn(visitor), 'GET /api/v1/seats': never },
    shows: '.el-skeleton',
  },
  { name: 'seats-error', about: 'The seats cannot be read', path: '/seats', world: { ...signedIn(visitor), 'GET /api/v1/seats': refuse(500, 'internal') }, shows: '[role=alert]' },
  { name: 'seats-empty', about: 'There are no seats', path: '/seats', world: { ...signedIn(visitor), 'GET /api/v1/seats': { position: '1-1', seats: [], assigned: [{ seat: 'A01', place: 'official' }] } }, shows: 'main p' },
  { name: 'seats-none', about: 'No seat is assigned to this official', path: '/seats', world: { ...signedIn(visitor), 'GET /api/v1/seats': { position: '1-1', seats, assigned: [] } }, shows: 'seats-none' },
  {
    name: 'seats-taken',
    about: 'The place is taken by somebody else',
    path: '/seats',
    world: choice(signedIn(clerk), {
      'GET /api/v1/seats': { position: '1-1', seats: [seat(), ...seats.slice(1)], assigned: [{ seat: 'A01', place: 'official' }] },
      'POST /api/v1/seats/{seat}/take': refuse(409, 'seat.taken'),
    }),
    steps: [{ press: 'seat-A01-official' }],
    shows: 'seat-dialog',
  },
  {
    name: 'seats-own',
    about: 'The same person sits there on another computer',
    path: '/seats',
    world: choice(signedIn(recorder), { 'GET /api/v1/me': { ...clerk, seat: null }, 'GET /api/v1/seats': { position: '1-1', seats: [seat(), ...seats.slice(1)], assigned: [{ seat: 'A01', place: 'recorder' }] } }),
    steps: [{ press: 'seat-A01-recorder' }],
    shows: 'take-over',
  },
  { name: 'seats-back', about: 'Who sits already looks at the seats', path: '/seats', world: { ...choice(signedIn(recorder)), ...seatWorld(), 'GET /api/v1/seats': { position: '1-1', seats: [seat(), ...seats.slice(1)], assigned: [{ seat: 'A01', place: 'recorder' }] } }, shows: 'main h1' },
  { name: 'denied', about: 'A page for others', path: '/board', world: choice(signedIn(visitor)), shows: 'main h1' },
  { name: 'missing', about: 'A page that does not exist', path: '/nowhere', world: choice(signedIn(visitor)), shows: 'main h1' },
]
