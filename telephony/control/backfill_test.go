package control_test

import (
	"context"
	"testing"
	"time"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/control"
)

// slow is a ledger that takes its time with one arrival.
type slow struct {
	control.Ledger

	leg   telephony.LegID
	asked chan struct{}
	gate  chan struct{}
}

func (s *slow) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	if a.Channel == s.leg {
		s.asked <- struct{}{}
		<-s.gate
	}
	return s.Ledger.Arrive(ctx, epoch, a)
}

// A17: nobody who waits now is kept waiting by those who came while no controller listened, however many they are.
func TestNobodyWaitsForTheCallsOfTheNet(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	late := &slow{leg: "1764.1", asked: make(chan struct{}, 100), gate: make(chan struct{})}
	open := func() { close(late.gate) }
	defer func() { open() }()
	at := time.Now().Add(-time.Minute)
	h.start(func(c *control.Config) {
		late.Ledger, c.Ledger = c.Ledger, late
		c.Net = &net{calls: []telephony.NetCall{{Channel: late.leg, Dialled: number, Began: at, Ended: at.Add(time.Second)}}}
	})
	<-late.asked
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	open()
	open = func() {}
	h.becomes(h.callOf(late.leg).ID, telephony.WordEnded)
	h.tidy()
}
