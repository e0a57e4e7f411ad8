// Tests find all texts in both languages; pages fetch theirs as they open.
import { needTexts, setLocale } from '@/lib/i18n'
import { parts } from '@/locales/texts'

await needTexts(...parts)
await setLocale('en')
await setLocale('zh-CN')
