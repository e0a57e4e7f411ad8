// Problems as the server tells them (RFC 9457), and the two that only the browser sees.

export interface FieldError {
  location?: string
  message?: string
  value?: unknown // what stands in the way
}

export class Problem extends Error {
  override readonly name = 'Problem'

  constructor(
    readonly status: number, // 0: no answer came
    readonly code: string, // the tail of urn:hotline:<code>
    readonly detail = '',
    readonly errors: FieldError[] = [],
    readonly now: unknown = undefined, // what there is, when a command was made on something older
  ) {
    super(`${status} ${code}${detail ? `: ${detail}` : ''}`)
  }

  // The fields that the server names, without the path of the body.
  get fields(): string[] {
    return this.errors.map((e) => (e.location ?? '').replace(/^body\./, '')).filter((f) => f !== '')
  }
}

export function problemOf(status: number, body: unknown): Problem {
  const b = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const type = typeof b.type === 'string' ? b.type : ''
  const code = type.startsWith('urn:hotline:') ? type.slice('urn:hotline:'.length) : `http.${status}`
  return new Problem(
    status,
    code,
    typeof b.detail === 'string' ? b.detail : '',
    Array.isArray(b.errors) ? (b.errors as FieldError[]) : [],
    b.now,
  )
}

export function asProblem(err: unknown): Problem {
  if (err instanceof Problem) return err
  return new Problem(0, 'unreachable', err instanceof Error ? err.message : String(err))
}
