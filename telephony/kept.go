package telephony

import "time"

// Kept is a fact that waits on disk for the ledger (R7): an arrival, or the end of a leg. One of them is set.
type Kept struct {
	Arrival *Arrival
	Left    *Left
}

// Left is the end of a leg, as it was heard.
type Left struct {
	Leg  LegID
	Soft bool // by the exchange, not by the far end
	At   time.Time
}

// NetCall is a call that the dialplan's net kept while no controller listened (R1).
type NetCall struct {
	Channel LegID
	Number  PhoneNumber // as the carrier gave it; empty: anonymous
	Dialled string
	Began   time.Time
	Ended   time.Time // zero: nobody saw it
}

// EndLate says what becomes of a call that no controller runs when the end of one of its legs is learnt of later: what would
// have followed then.
func EndLate(c Call, l Left) (Call, []Record) {
	return run(c, l.At, func(s *step) {
		s.arrived(true)
		s.see(l.Leg, func(seen *LegSeen) { seen.Up = true })
		s.legDying(l.Leg, l.Soft)
	})
}

// Missed says what becomes of a call that came and went while no controller listened: the platform has failed the citizen.
func Missed(c Call, at time.Time) (Call, []Record) {
	return run(c, at, func(s *step) {
		s.arrived(false)
		s.lost(true)
	})
}
