// The guard lets one tab of a browser hold the softphone: the exchange keeps the newest registration only, so a second tab
// would silence the first without a word.

export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((e: { data: unknown }) => void) | null
  close(): void
}

interface Message {
  act: 'ask' | 'held' | 'release'
  seat: string
  client: string
}

const answerTime = 150 // a tab of the same browser answers in a few milliseconds

export class Guard {
  private holding = false
  private answered: (() => void) | null = null

  constructor(
    private readonly channel: Channel,
    private readonly seat: string,
    private readonly client: string,
    private readonly released: () => void, // another tab has taken over
  ) {
    channel.onmessage = (e) => this.hear(e.data as Message)
  }

  // enter tells whether this tab may have the phone; it has it then.
  async enter(): Promise<boolean> {
    const held = await new Promise<boolean>((done) => {
      this.answered = () => done(true)
      this.say('ask')
      setTimeout(() => done(false), answerTime)
    })
    this.answered = null
    this.holding = !held
    return !held
  }

  // takeOver makes the other tab let go.
  takeOver(): void {
    this.holding = true
    this.say('release')
  }

  leave(): void {
    this.holding = false
    this.channel.close()
  }

  private hear(m: Message): void {
    if (m.seat !== this.seat || m.client === this.client) return
    if (m.act === 'ask' && this.holding) this.say('held')
    if (m.act === 'held') this.answered?.()
    if (m.act === 'release' && this.holding) {
      this.holding = false
      this.released()
    }
  }

  private say(act: Message['act']): void {
    this.channel.postMessage({ act, seat: this.seat, client: this.client } satisfies Message)
  }
}
