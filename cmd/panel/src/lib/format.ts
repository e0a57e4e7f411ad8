// What people read: durations, instants and numbers, in the desk's way and always in Beijing time.

export type Locale = 'zh-CN' | 'en'

export const none = '—'

// duration: 02:31, from an hour on 1:02:31. Never negative: a clock that is a little off must not show -1.
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return none
  const s = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number): string => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return h > 0 ? `${h}:${rest}` : rest
}

// seconds: an average of the board; null is 0/0.
export function seconds(s: number | null | undefined): string {
  return s === null || s === undefined ? none : duration(s * 1000)
}

// share: a part of a whole in per cent; 0/0 is “—”, never 100 % (domain.md 4.2).
export function share(part: number, whole: number): string {
  if (whole <= 0) return none
  const tenths = Math.floor((part / whole) * 1000 + 1e-9) // 99.96 % is not yet 100 %
  return tenths % 10 === 0 ? `${tenths / 10}%` : `${(tenths / 10).toFixed(1)}%`
}

interface Parts {
  year: number
  month: number
  day: number
  weekday: number
  hour: string
  minute: string
  second: string
}

const beijing = new Intl.DateTimeFormat('en-US', {
  timeZone: 'Asia/Shanghai',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const english = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const englishMonths = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const chinese = ['周日', '周一', '周二', '周三', '周四', '周五', '周六']

function parts(at: number): Parts {
  const p = Object.fromEntries(beijing.formatToParts(at).map(({ type, value }) => [type, value]))
  return {
    year: Number(p.year),
    month: Number(p.month),
    day: Number(p.day),
    weekday: english.indexOf(p.weekday ?? ''),
    hour: p.hour ?? '',
    minute: p.minute ?? '',
    second: p.second ?? '',
  }
}

const instant = (at: string | number | null | undefined): number =>
  typeof at === 'string' ? Date.parse(at) : typeof at === 'number' ? at : NaN

// timeOfDay: 10:41:07
export function timeOfDay(at: string | number | null | undefined, withSeconds = true): string {
  const t = instant(at)
  if (Number.isNaN(t)) return none
  const p = parts(t)
  return withSeconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`
}

// sameDay: both in one day of Beijing.
export function sameDay(at: string, now: number): boolean {
  const [a, b] = [parts(Date.parse(at)), parts(now)]
  return a.year === b.year && a.month === b.month && a.day === b.day
}

function dayOf(p: Parts, locale: Locale, thisYear: number): string {
  if (locale === 'en') {
    const year = p.year === thisYear ? '' : ` ${p.year}`
    return `${english[p.weekday]} ${p.day} ${englishMonths[p.month - 1]}${year}`
  }
  const year = p.year === thisYear ? '' : `${p.year}年`
  return `${year}${p.month}月${p.day}日 ${chinese[p.weekday]}`
}

// date: 11月26日 周四
export function date(at: string | number | null | undefined, locale: Locale, now: number): string {
  const t = instant(at)
  return Number.isNaN(t) ? none : dayOf(parts(t), locale, parts(now).year)
}

// dateTime: 11月26日 周四 08:30
export function dateTime(at: string | number | null | undefined, locale: Locale, now: number): string {
  const t = instant(at)
  if (Number.isNaN(t)) return none
  const p = parts(t)
  return `${dayOf(p, locale, parts(now).year)} ${p.hour}:${p.minute}`
}

// promiseEnd: the exclusive end of a promise as people say it, the 24:00 of its last day: 12月3日 周四 24:00.
export function promiseEnd(due: string, locale: Locale, now: number): string {
  const t = instant(due)
  if (Number.isNaN(t)) return none
  const last = parts(t - 1)
  const end = parts(t)
  const clockTime = end.hour === '00' && end.minute === '00' ? '24:00' : `${end.hour}:${end.minute}`
  return `${dayOf(last, locale, parts(now).year)} ${clockTime}`
}
