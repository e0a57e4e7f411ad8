// The same tree of texts in another language; a missing or an extra key does not compile.
export type Same<T> = { [K in keyof T]: T[K] extends string ? string : Same<T[K]> }
