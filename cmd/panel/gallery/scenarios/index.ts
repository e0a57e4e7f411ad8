import type { Scenario } from '../world'
import { desk } from './desk'
import { doors } from './doors'
import { halls } from './hall'
import { seats } from './seat'

export const scenarios: Scenario[] = [...doors, ...seats, ...desk, ...halls]
