package control_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/journal"
)

// F6, R7: what a controller has kept that dies long after it was replaced is stored by the one on duty, once; not while it lives.
func TestJournalOfWhoDiesLater(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	hung, err := journal.Open(h.kept, h.vault)
	require.NoError(t, err)
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond).UTC()
	require.NoError(t, hung.Append(
		telephony.Kept{Arrival: &telephony.Arrival{
			ID: telephony.CallID(uuid.Must(uuid.NewV7()).String()), Channel: "1764.1", Entity: h.fake.Entity(), Number: "13812345671", Dialled: number, At: at,
		}},
		telephony.Kept{Left: &telephony.Left{Leg: "1764.1", At: at.Add(time.Second)}},
	))
	compared := s.watch.reconciled.Load()
	s.Reconcile()
	h.until("compared", func() bool { return s.watch.reconciled.Load() > compared })
	require.Zero(t, h.count(`SELECT count(*) FROM call`))
	require.NoError(t, hung.Close())
	for range 2 {
		s.Reconcile()
		gone := h.becomes(h.callOf("1764.1").ID, telephony.WordEnded)
		require.Equal(t, at, gone.ArrivedAt)
		require.Equal(t, at.Add(time.Second), gone.EndedAt)
		require.Equal(t, "caller", gone.Cause)
		h.until("the journal is empty", func() bool { return len(h.journals()) == 0 })
	}
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM callback`))
}

// F27: a ledger that answers and stores nothing, as on a full disk, is tried with pauses, not as fast as it refuses.
func TestLedgerThatOnlyAnswersIsTriedWithPauses(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.away(s, false)
	leg := h.fake.Call("13812345670", number)
	h.until("it is tried", func() bool { return s.power.count("arrive") > 5 })
	began, tried := time.Now(), s.power.count("arrive")
	h.until("and again", func() bool { return s.power.count("arrive") >= tried+20 })
	require.Greater(t, time.Since(began), 150*time.Millisecond)
	h.back(s)
	h.becomes(h.callOf(leg).ID, telephony.WordQueued)
	h.sit("A01")
	h.serve()
	h.tidy()
}
