package control

import (
	"time"

	"hotline/telephony"
)

// Observer hears what is worth counting. Its methods are called on the call path: they must not block.
type Observer interface {
	// Offered means: a seat's telephone was asked to ring, so long after the matcher had been woken.
	Offered(after time.Duration)
	// OfferClosed means: an offer has come to its end.
	OfferClosed(state telephony.OfferState)
	// CallEnded means: a call has come to its end.
	CallEnded(outcome telephony.Outcome, cause string)
	// Failed means: an act on a neighbour failed. What: ring, hold, save, claim, …
	Failed(what string)
	// Reconciled means: the ledger was compared with the exchange; mended counts what differed.
	Reconciled(took time.Duration, mended int)
	// Rebuilt means: the index of a line was filled again from the ledger.
	Rebuilt()
	// Alarmed means: something is broken that will not mend itself (F34). What: unstorable, panic.
	Alarmed(what string)
	// Overflowed means: a call's mailbox was full and a signal was dropped; the reconciler mends.
	Overflowed()
	// Strange means: the exchange sent an event of unknown type.
	Strange(kind string)
}

// Unobserved is the Observer of those who count nothing.
type Unobserved struct{}

var _ Observer = Unobserved{}

// Offered implements Observer.
func (Unobserved) Offered(time.Duration) {}

// OfferClosed implements Observer.
func (Unobserved) OfferClosed(telephony.OfferState) {}

// CallEnded implements Observer.
func (Unobserved) CallEnded(telephony.Outcome, string) {}

// Failed implements Observer.
func (Unobserved) Failed(string) {}

// Reconciled implements Observer.
func (Unobserved) Reconciled(time.Duration, int) {}

// Rebuilt implements Observer.
func (Unobserved) Rebuilt() {}

// Overflowed implements Observer.
func (Unobserved) Overflowed() {}

// Alarmed implements Observer.
func (Unobserved) Alarmed(string) {}

// Strange implements Observer.
func (Unobserved) Strange(string) {}
