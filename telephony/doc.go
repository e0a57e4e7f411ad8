// Package telephony owns citizens' calls: how one arrives, waits, is offered to a seat, talks and ends.
//
// The core is a pure function, Apply: a call and an event give the next call and the effects that must follow. Around it
// stands the Controller: one actor per call runs the effects, one matcher per line brings seats and callers together, a
// reconciler compares what Postgres says with what exists in the exchange. The order of every step is the same: decide,
// commit (Ledger), then act (Switch, Line, Seats), so that a crash between two of them leaves something that the
// reconciler can read (R5).
//
// The package must not know SQL, Redis, HTTP or ARI: those live one folder below and meet it through the ports of this
// package. It knows no ticket: facts come up the log.
package telephony
