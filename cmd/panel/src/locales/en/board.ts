import type { Same } from '../same'
import type zhCN from '../zh-CN/board'

export default {
  board: {
    title: 'Live board',
    waiting: 'Waiting',
    nobody: 'Nobody is waiting',
    seats: 'Seats',
    callbacks: 'Callbacks',
    noCallbacks: 'Nobody needs a callback',
    today: 'Today',
    inSession: 'This session',
    empty: 'No seats have been set up',
    dataOf: 'Data as of {time}',
    ledgerAway: 'The database has not answered since {time}. Calls go on; new callers are answered and wait, and go to the seats in order when it is back. Tell the technicians at once.',
    queueAway: 'The queue store has not answered since {time}. Calls still go to the seats in order; please tell the technicians.',
    misses: '{n} missed in a row',
    pageAway: 'Page gone',
    pageAwayHint: 'The page of this seat is closed; the call is not affected. Go to the seat and open the page again.',
    unansweredTitle: 'A seat does not answer',
    unanswered: '{seat} has missed {n} calls in a row. Please look at the seat',
    longAgo: '{time}',
    kpi: {
      waiting: 'Waiting',
      longest: 'Longest wait',
      answer_rate: 'Answer rate',
      within_15s: 'Within 15 s',
      abandoned: 'Abandoned',
      talk_avg: 'Average talk',
      offered: 'Calls today',
    },
    formula: {
      waiting: 'K-12 people waiting now',
      longest: 'K-12 the longest of those who wait now; longest today {max}',
      answer_rate: 'K-06 answered ÷ offered = {part} ÷ {whole}; short abandons are in the denominator',
      within_15s: 'K-09 answered within 15 s ÷ answered = {part} ÷ {whole}; average wait {wait}',
      abandoned: 'K-03 left after more than 5 s; besides {short} short abandons (K-04) and {flow} flowed out (K-05)',
      talk_avg: 'all talking time ÷ answered; 0 ÷ 0 is shown as —',
      offered: 'K-01 calls that entered the line, {answered} of them answered',
    },
  },
} satisfies Same<typeof zhCN>
