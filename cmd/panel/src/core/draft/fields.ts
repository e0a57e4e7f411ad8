import type { Field } from './draft'

// What people call the fields of a ticket: keys of the locale files.
export const fieldNames: Record<Field, string> = {
  title: 'ticket.title',
  content: 'ticket.content',
  answer: 'ticket.answer',
  class: 'ticket.class',
  outcome: 'ticket.outcome',
  contact_name: 'ticket.contactName',
  event_place: 'ticket.eventPlace',
  confidential: 'ticket.confidential',
}
