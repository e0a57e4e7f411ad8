// The ringing of a seat: two soft tones through the default output, and the title of the tab. The title changes once a
// second at most, and stands still for people who asked their system for less motion.

const period = 3000

export class Ringer {
  private audio: AudioContext | null = null
  private sound: ReturnType<typeof setInterval> | undefined
  private flash: ReturnType<typeof setInterval> | undefined
  private notice = ''

  // base is the title of the tab when nothing rings.
  constructor(private readonly base: () => string) {}

  // ring with a notice, or be still: ''. Another caller's notice takes the place of the one before (RU14).
  ring(notice: string): void {
    if (notice === this.notice) return
    this.notice = notice
    if (notice === '') return this.stop()
    document.title = notice
    if (this.sound !== undefined) return
    this.tone()
    this.sound = setInterval(() => this.tone(), period)
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
    this.flash = setInterval(() => {
      document.title = document.title === this.notice ? this.base() : this.notice
    }, 1000)
  }

  stop(): void {
    clearInterval(this.sound)
    clearInterval(this.flash)
    this.sound = this.flash = undefined
    this.notice = ''
    document.title = this.base()
    void this.audio?.close()
    this.audio = null
  }

  private tone(): void {
    this.audio ??= new AudioContext()
    const { audio } = this
    void audio.resume() // refused before the first click of the page: the card and the title still tell
    for (const [at, hertz] of [
      [0, 660],
      [0.35, 880],
    ] as const) {
      const start = audio.currentTime + at
      const gain = audio.createGain()
      gain.gain.setValueAtTime(0, start)
      gain.gain.linearRampToValueAtTime(0.25, start + 0.03)
      gain.gain.exponentialRampToValueAtTime(0.001, start + 0.32)
      const wave = audio.createOscillator()
      wave.frequency.value = hertz
      wave.connect(gain).connect(audio.destination)
      wave.start(start)
      wave.stop(start + 0.34)
    }
  }
}
