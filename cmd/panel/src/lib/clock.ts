// The server's time as this browser knows it. Office computers are minutes wrong; a timer that starts from a server's
// instant must not be. Every answer narrows the interval in which the offset lies; gauges add a lower bound.
import { onScopeDispose, ref, type Ref } from 'vue'

export class Clock {
  private low = -Infinity
  private high = Infinity
  private offset = 0

  constructor(private readonly local: () => number = Date.now) {}

  // now is the server's time in milliseconds.
  now(): number {
    return this.local() + this.offset
  }

  // sawDate learns from an HTTP Date header, which is cut to the second.
  sawDate(header: string | null, sent: number, received: number): void {
    const at = header === null ? NaN : Date.parse(header)
    if (!Number.isNaN(at)) this.narrow(at - received, at + 1000 - sent)
  }

  // sawInstant learns from an instant that the server wrote at most a few hops ago.
  sawInstant(at: string): void {
    const t = Date.parse(at)
    if (!Number.isNaN(t)) this.narrow(t - this.local(), Infinity)
  }

  private narrow(low: number, high: number): void {
    this.low = Math.max(this.low, low)
    this.high = Math.min(this.high, high)
    if (this.low > this.high) {
      // One of the two clocks was set: only the newest bounds are true.
      this.low = low
      this.high = high
    }
    this.offset = Math.min(Math.max(this.offset, this.low), this.high)
  }
}

export const clock = new Clock()

const tick = ref(clock.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

// useNow is the server's time, moving while somebody looks at it.
export function useNow(): Ref<number> {
  if (users++ === 0) timer = setInterval(() => (tick.value = clock.now()), 250)
  tick.value = clock.now()
  onScopeDispose(() => {
    if (--users === 0) clearInterval(timer)
  })
  return tick
}
