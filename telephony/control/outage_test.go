package control_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
	"hotline/telephony/control"
)

// away lets the ledger refuse every write, and, when it has been away for long enough, the lease lapse.
func (h *hall) away(s *shift, lapsed bool) {
	s.power.hook(func(act string, _ any) error {
		if act == "arrive" || strings.HasPrefix(act, "save:") {
			return errors.New("the database is away")
		}
		return nil
	}, nil)
	h.held.Store(!lapsed)
}

func (h *hall) back(s *shift) {
	s.power.hook(nil, nil)
	h.held.Store(true)
}

// waits says that a citizen is answered, hears music and has been told.
func (h *hall) told(leg telephony.LegID) bool {
	l, there := h.fake.Leg(leg)
	words := 0
	for _, r := range h.fake.Requests(aritest.OpPlay) {
		if strings.Contains(r.Path, string(leg)) && strings.Contains(r.Body, "hotline/hold") {
			words++
		}
	}
	return there && l.State == "Up" && l.Bridge == telephony.HoldBridge(hallLine) && words == 1
}

func (h *hall) journals() []string {
	h.t.Helper()
	found, err := filepath.Glob(filepath.Join(h.kept, "*"))
	require.NoError(h.t, err)
	return found
}

func (h *hall) content(path string) string {
	h.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(h.t, err)
	return string(text)
}

func (h *hall) callOf(leg telephony.LegID) telephony.Call {
	h.t.Helper()
	return h.read(h.callIn(leg, h.fake.Entity()))
}

// outage is the same day in every test: one conversation that ends meanwhile, one that goes on, five who arrive, of whom one
// leaves.
type outage struct {
	ended, goes  telephony.CallID
	hungUp       telephony.LegID // the citizen of the first
	came         []telephony.LegID
	left         int // which of them has left
	began, until time.Time
}

func (h *hall) outage(s *shift, lapsed bool) outage {
	h.t.Helper()
	h.sit("A01", "A02")
	o := outage{left: 1}
	o.ended, o.hungUp = h.call("13812345670")
	seat, _ := h.talk(o.ended)
	o.goes, _ = h.call("13812345671")
	h.talk(o.goes)
	h.away(s, lapsed)
	o.began = time.Now()
	h.fake.HangUp(o.hungUp)
	h.until("the official is let go of", func() bool { _, there := h.fake.Leg(seat); return !there })
	for i := range 5 {
		leg := h.fake.Call("1381234568"+string(rune('0'+i)), number)
		require.NotEmpty(h.t, leg)
		o.came = append(o.came, leg)
	}
	for _, leg := range o.came {
		h.until("answered, and held with words", func() bool { return h.told(leg) })
	}
	h.fake.HangUp(o.came[o.left])
	h.until("the end is on the disk", func() bool { return h.onDisk(`"kind":"left","leg":"` + string(o.came[o.left]) + `"`) })
	o.until = time.Now()
	require.Equal(h.t, 2, h.count(`SELECT count(*) FROM call`), "nothing is stored")
	require.Equal(h.t, 2, h.count(`SELECT count(*) FROM offer`), "nobody is offered")
	require.Len(h.t, h.journals(), 1)
	return o
}

// stored looks at what has become of an outage's facts, and serves who is left.
func (h *hall) stored(o outage) {
	h.t.Helper()
	within := func(at time.Time) {
		h.t.Helper()
		require.WithinRange(h.t, at, o.began.Add(-time.Millisecond), o.until.Add(time.Millisecond), "the time is that at which it happened")
	}
	ended := h.becomes(o.ended, telephony.WordEnded)
	require.Equal(h.t, telephony.OutcomeAnsweredOfficial, ended.Outcome)
	require.Equal(h.t, "caller", ended.Cause)
	within(ended.EndedAt)
	var last int64
	for i, leg := range o.came {
		c := h.callOf(leg)
		require.Greater(h.t, c.Seq, last, "places are in order of arrival")
		last = c.Seq
		within(c.ArrivedAt)
		n, err := h.store.Number(h.t.Context(), c.ID)
		require.NoError(h.t, err)
		require.Equal(h.t, "1381234568"+string(rune('0'+i)), string(n))
	}
	gone := h.callOf(o.came[o.left])
	gone = h.becomes(gone.ID, telephony.WordEnded)
	require.Equal(h.t, telephony.OutcomeAbandonedShort, gone.Outcome)
	require.Equal(h.t, "caller", gone.Cause)
	within(gone.EndedAt)
	require.Equal(h.t, 1, h.count(`SELECT count(*) FROM callback WHERE call = $1`, gone.ID))
	h.until("the journal is empty", func() bool { return len(h.journals()) == 0 })
	require.Equal(h.t, telephony.WordTalking, h.read(o.goes).Word(), "the conversation has gone on")
	h.fake.HangUp(h.read(o.goes).Channel)
	for i, leg := range o.came {
		if i == o.left {
			continue
		}
		c := h.callOf(leg)
		h.talk(c.ID)
		h.fake.HangUp(leg)
		h.becomes(c.ID, telephony.WordEnded)
	}
	require.Equal(h.t, 7, h.count(`SELECT count(*) FROM call`))
	h.inOrder(len(o.came) + 1)
	h.tidy()
}

// F13: while the ledger is away conversations go on, who arrives is answered and held with words, and nothing is decided; when it
// is back all of it is stored once, in order, as of the time at which it happened, and the calls go on.
func TestF13LedgerAway(t *testing.T) {
	t.Parallel()
	for name, lapsed := range map[string]bool{"lease held": false, "lease lapsed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			s := h.start()
			o := h.outage(s, lapsed)
			h.back(s)
			h.stored(o)
			require.Zero(t, s.watch.alarms.Load())
			for _, leg := range o.came {
				answered := 0
				for _, r := range h.fake.Requests(aritest.OpAnswer) {
					if strings.Contains(r.Path, string(leg)) {
						answered++
					}
				}
				require.Equal(t, 1, answered, "a second answer stops the music")
			}
		})
	}
}

// F13, R7: the controller dies in the middle of the outage; its successor stores what it has kept before it looks at anything.
func TestF13KilledWhileTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	o := h.outage(s, true)
	require.NoError(t, s.stop())
	h.held.Store(true)
	h.start()
	h.stored(o)
}

// onDisk says that something stands in the journal.
func (h *hall) onDisk(what string) bool {
	return slices.ContainsFunc(h.journals(), func(path string) bool { return strings.Contains(h.content(path), what) })
}

// F13: who arrives behind the outage has a place behind those who arrived in it.
func TestF13PlacesBehindTheOutage(t *testing.T) {
	t.Parallel()
	h := newHall(t, nil)
	s := h.start()
	h.away(s, false)
	var legs []telephony.LegID
	come := func() {
		legs = append(legs, h.fake.Call("1381234568"+string(rune('0'+len(legs)%10)), number))
	}
	for range 8 {
		come()
	}
	h.until("they are held", func() bool { return h.told(legs[0]) && h.told(legs[7]) })
	h.back(s)
	for range 12 {
		come()
	}
	var last int64
	for i, leg := range legs {
		c := h.callOf(leg)
		require.Greater(t, c.Seq, last, "place of %d", i)
		last = c.Seq
	}
	h.until("the journal is empty", func() bool { return len(h.journals()) == 0 })
}

// A short stutter of the ledger costs nobody an announcement, and the disk nothing.
func TestLedgerThatStutters(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	refuse := 2
	s.power.hook(func(act string, _ any) error {
		if act == "arrive" && refuse > 0 {
			refuse--
			return errors.New("the database restarts")
		}
		return nil
	}, nil)
	call, _ := h.call("13812345678")
	h.talk(call)
	require.Zero(t, s.power.count("receive"))
	require.Empty(t, h.journals())
	h.tidy()
}

// fullDisk is a journal that can write nothing.
type fullDisk struct{ control.Journal }

func (fullDisk) Append(...telephony.Kept) error { return errors.New("no space left on device") }

// A full disk costs an alarm, and no call.
func TestF13JournalFull(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start(func(c *control.Config) { c.Journal = fullDisk{c.Journal} })
	h.away(s, false)
	leg := h.fake.Call("13812345678", number)
	h.until("held all the same", func() bool { return h.told(leg) })
	require.Positive(t, s.watch.alarms.Load())
	h.back(s)
	h.sit("A01")
	h.talk(h.callOf(leg).ID)
	h.tidy()
}

// F34: an arrival that the ledger does not take although it answers keeps nobody up.
func TestF13ArrivalThatIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	h.away(s, false)
	bad := h.fake.Call("13812345670", number)
	good := h.fake.Call("13812345671", number)
	h.until("both are held", func() bool { return h.told(bad) && h.told(good) })
	s.power.hook(func(_ string, arg any) error {
		if in, ok := arg.(telephony.Arrival); ok && in.Channel == bad {
			return errors.New("not this one")
		}
		return nil
	}, nil)
	h.talk(h.callOf(good).ID)
	s.power.hook(nil, nil)
	h.fake.HangUp(good)
	h.talk(h.callOf(bad).ID)
	h.until("the journal is empty", func() bool { return len(h.journals()) == 0 })
	h.tidy()
}

// net is what the dialplan has written.
type net struct {
	calls []telephony.NetCall
	open  chan []telephony.LegID
}

func (n *net) Calls() ([]telephony.NetCall, error) { return n.calls, nil }

func (n *net) Forget(open []telephony.LegID) (bool, error) {
	select {
	case n.open <- open:
	default:
	}
	return false, nil
}

// R1: calls that came and went while no controller listened are recorded once, each with its times, its sealed number and a task to
// call back; one that goes on in the net is left alone, one that a controller has taken is its own.
func TestCallsOfTheNetAreRecorded(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	taken, citizen := h.call("13812345670")
	h.talk(taken)
	h.fake.Foreign("", "1764.99", "somewhere")
	require.NoError(t, s.stop())
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	written := &net{open: make(chan []telephony.LegID, 1), calls: []telephony.NetCall{
		{Channel: "1764.1", Number: "13812345671", Dialled: number, Began: at, Ended: at.Add(10 * time.Second)},
		{Channel: "1764.2", Dialled: number, Began: at.Add(time.Second), Ended: at.Add(20 * time.Second)},
		{Channel: citizen, Number: "13812345670", Dialled: number, Began: at.Add(2 * time.Second)},
		{Channel: "1764.3", Number: "13812345672", Dialled: number, Began: at.Add(3 * time.Second)},
		{Channel: "1764.99", Number: "13812345673", Dialled: number, Began: at.Add(4 * time.Second)},
	}}
	s = h.start(func(c *control.Config) { c.Net = written })
	for range 2 {
		require.ElementsMatch(t, []telephony.LegID{citizen, "1764.99"}, <-written.open)
		s.Reconcile()
	}
	require.Equal(t, 4, h.count(`SELECT count(*) FROM call`))
	require.Equal(t, 2, h.count(`SELECT count(*) FROM callback`), "nobody can call an anonymous citizen back")
	first := h.callOf("1764.1")
	require.Equal(t, telephony.OutcomeSystemFailure, first.Outcome)
	require.Equal(t, "platform", first.Cause)
	require.Equal(t, at.UTC(), first.ArrivedAt)
	require.Equal(t, at.Add(10*time.Second).UTC(), first.EndedAt)
	n, err := h.store.Number(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, "13812345671", string(n))
	require.WithinDuration(t, time.Now(), h.callOf("1764.3").EndedAt, patience, "nobody saw its end")
	require.Equal(t, telephony.WordTalking, h.read(taken).Word())
	h.fake.HangUp(citizen)
	h.becomes(taken, telephony.WordEnded)
}
