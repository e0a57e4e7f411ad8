// Whose form stands in front: of the call at the seat, or still of one before, because somebody writes in it (RU6, RU1). A form goes
// when it is left, and not because a telephone rings or is answered. Pure.

export interface Front {
  call: string // whose form stands there; '': none
  at: string // the call at the seat; '': none
  left: string // the call whose form was left last: late news of it does not bring it back
}

export const nothing: Front = { call: '', at: '', left: '' }

export interface Form {
  unfinished: boolean // a draft of it is not registered
  words: boolean // somebody has written in it; at the official's page: the official has
  writing: boolean // the focus is in it
}

export type Event =
  | { is: 'call'; id: string; stage: 'ringing' | 'serving' | 'over' } // id '': nobody is at the seat
  | { is: 'left' } // by the person: 请接下一位, or to the call at hand

// mine: the official's own page. Who has answered a citizen means that citizen's form, unless still writing in the other one.
export function step(f: Front, e: Event, form: Form, mine: boolean): Front {
  if (e.is === 'left') return { call: f.at === f.call ? '' : f.at, at: f.at, left: f.call }
  const next = { ...f, at: e.id }
  if (f.call === '' || f.call === e.id) return { ...next, call: e.id === f.left ? f.call : e.id }
  const holds = form.unfinished && (form.writing || (form.words && !(mine && e.stage === 'serving')))
  return holds ? next : { ...next, call: e.id }
}

// waits is the call at the seat that has no form in front, for the button that leads to it.
export const waits = (f: Front): string => (f.at !== f.call && f.call !== '' ? f.at : '')
