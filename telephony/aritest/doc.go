// Package aritest is a fake Asterisk for unit, race and fault tests: the part of ARI that hotline uses, as REST and event
// socket of one process, with the order of events, the answers and the traps of 22.10.1 as they were measured
// (telephony.md 2 and 9). Real Asterisk runs in the integration tests; what only audio shows is not here.
//
// A test scripts the outside world (Call, HangUp, Register, AnswerSeat …), the faults (Fault, Drop, Stall, Alter,
// Withhold …), looks at what exists (Leg, Bridge, Requests …) and waits with Await, which never polls.
//
// It must not know the controller or the client: they reach it over TCP, as they reach Asterisk.
package aritest
