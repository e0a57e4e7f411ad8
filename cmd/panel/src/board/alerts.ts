// What a supervisor must see wherever they are: a seat that does not answer, caller after caller (A8). One notice per seat,
// with the latest count, until somebody closes it.
import { ElNotification } from 'element-plus'
import { onScopeDispose } from 'vue'
import { useRouter } from 'vue-router'

import { useText } from '@/lib/i18n'
import { useLink } from '@/lib/link'
import type { Fact } from '@/lib/socket'
import { useIdentity } from '@/login/identity'

export interface Notice {
  close(): void
}

export class Unanswered {
  private readonly shown = new Map<string, Notice>()

  // show puts a notice on the screen and calls closed when a person has closed it.
  constructor(private readonly show: (seat: string, misses: number, closed: () => void) => Notice) {}

  heard(f: Fact): void {
    const { seat, misses } = f.data
    if (f.kind !== 'seat.unanswered' || typeof seat !== 'string' || typeof misses !== 'number') return
    this.shown.get(seat)?.close()
    const notice = this.show(seat, misses, () => {
      if (this.shown.get(seat) === notice) this.shown.delete(seat)
    })
    this.shown.set(seat, notice)
  }

  clear(): void {
    const all = [...this.shown.values()]
    this.shown.clear()
    all.forEach((n) => n.close())
  }
}

export function useAlerts(): void {
  const { t } = useText()
  const link = useLink()
  const router = useRouter()
  if (!useIdentity().plays('supervisor')) return
  const unanswered = new Unanswered((seat, misses, closed) =>
    ElNotification({
      title: t('board.unansweredTitle'),
      message: t('board.unanswered', { seat, n: misses }),
      type: 'warning',
      duration: 0,
      position: 'bottom-right', // the figures and the sign of freshness stand at the top
      customClass: 'unanswered',
      onClick: () => void router.push('/board'), // where the act stands beside it
      onClose: closed,
    }),
  )
  const release = link.hold(['board'])
  const deaf = link.listen({ fact: (f) => unanswered.heard(f) })
  onScopeDispose(() => {
    deaf()
    release()
    unanswered.clear()
  })
}
