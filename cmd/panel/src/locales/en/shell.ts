import type { Same } from '../same'
import type zhCN from '../zh-CN/shell'

export default {
  keys: {
    title: 'Keys',
    sheet: 'Show the keys',
    note: 'While you type, single letters and space mean the text. The key that answers counts 1.5 seconds after the card has come.',
    name: { Space: 'Space' },
    answer: 'Answer the call',
    mute: 'Mute and unmute',
    hold: 'Hold and take back',
    hangup: 'Hang up',
    next: 'Next caller',
    register: 'Register the ticket',
  },
  nav: { seat: 'Official’s seat', recorder: 'Recorder', deputy: 'Deputy', seats: 'Choose a seat', tickets: 'Tickets', board: 'Live board', settings: 'Settings', logout: 'Log out', signOut: 'Leave the seat', logoutTitle: 'The call is not over', logoutOfficial: 'When you log out, you and the caller no longer hear each other. Please end the call first.', logoutOther: 'The call goes on. What is written is saved; after this nothing more is written here.', logoutYes: 'Log out all the same', logoutNo: 'Back to the call' },
  link: {
    live: 'Connected',
    connecting: 'Connecting',
    lost: 'Connection lost. The call goes on; reconnecting',
    ended: 'Your login has ended. Please log in again',
    denied: 'You may not receive live news here',
    liveSince: 'Live · updated {s} s ago',
    stale: 'Not connected. What you see is from {time}',
    reload: 'Reconnect now',
  },
  session: { title: 'Session {number} · {unit}', until: 'until {time}', left: ' ({left} left)', over: ' (time is up)', none: 'No session is open now' },
  role: { official: 'Official', recorder: 'Recorder', operator: 'Operator', supervisor: 'Supervisor', office: 'General office', unit: 'Unit', deputy: 'Deputy', room: 'In the room' },
  denied: {
    title: 'This needs another right',
    body: 'Your account may not open this page. If you need it, please ask the administrator.',
    missingTitle: 'There is no such page',
    missingBody: 'The address may be wrong, or the page has moved.',
    home: 'To the start',
  },
} satisfies Same<typeof zhCN>
