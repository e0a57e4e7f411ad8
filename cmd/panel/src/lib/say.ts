// One quiet line at the top for an act that did not work.
import { ElMessage } from 'element-plus'

export function say(text: string, type: 'error' | 'success' | 'warning' = 'error'): void {
  ElMessage({ message: text, type, duration: type === 'error' ? 6000 : 3000, grouping: true, showClose: true })
}
