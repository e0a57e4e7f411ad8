// Coalesced runs an act at once, then at most every `gap` ms however often it is asked for, and always once more after the
// last asking. Two runs never overlap.
export function coalesced(act: () => Promise<unknown>, gap: number): () => void {
  let running = false
  let asked = false
  const run = async (): Promise<void> => {
    running = true
    do {
      asked = false
      await act().catch(() => undefined) // the act tells its own errors; the next fact asks again
      await new Promise((done) => setTimeout(done, gap))
    } while (asked)
    running = false
  }
  return () => {
    asked = true
    if (!running) void run()
  }
}
