// What the softphone decides, apart from the machinery that does it.

export const resumeHeader = 'X-Hotline-Resume'

// firstUsable: the first UDP host candidate is enough for an exchange on the same network; waiting for the rest costs 120 ms
// of the citizen's time (telephony.md 3.6).
export function firstUsable(candidate: { type?: string | null; protocol?: string | null; candidate?: string }): boolean {
  if (candidate.type && candidate.protocol) return candidate.type === 'host' && candidate.protocol === 'udp'
  return /\budp\b.*\btyp host\b/i.test(candidate.candidate ?? '')
}

export type Incoming = 'answer' | 'replace' | 'ring' | 'refuse'

// incoming: nothing is answered by itself but the way back into a running conversation (A11), and then whatever this page
// still holds of it is dead.
export function incoming(resume: boolean, busy: boolean, wanted: boolean): Incoming {
  if (resume) return busy ? 'replace' : 'answer'
  if (busy) return 'refuse'
  return wanted ? 'answer' : 'ring'
}

// joinsMuted: whether this page's microphone is shut before a conversation's first packet (RU3). A citizen who is answered
// anew hears the official; on the way back it is as it was, and shut as long as nobody has said how it was.
export function joinsMuted(resume: boolean, shut: boolean, told: boolean | null): boolean {
  return resume && (shut || (told ?? true))
}

export type Repair = 'same' | 'fresh'

// repair after a refused registration. A fresh account ends the one before, and with it the conversation that runs on it: so
// while there is one, the same account is tried until the exchange knows it again.
export function repair(inCall: boolean): Repair {
  return inCall ? 'same' : 'fresh'
}

// patience before the n-th new registration, in ms.
export function patience(attempt: number): number {
  return Math.min(10_000, 500 * 2 ** attempt)
}
