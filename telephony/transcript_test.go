package telephony_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// The stories in testdata: a line at the margin is what happens from outside, with its time; the lines under it are what is
// stored and what is ordered. Between them stands an exchange that does as it is told at once: what follows from that stands
// further in. The last line of a block says when the call looks at its deadlines next.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			story, err := os.ReadFile(file)
			require.NoError(t, err)
			told := tell(t, string(story))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(told), 0o600))
			}
			require.Equal(t, string(story), told)
		})
	}
}

const caller = telephony.LegID("citizen")

func morning() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

func rules() telephony.Rules {
	return telephony.Rules{Ring: 20 * time.Second, WrapUp: 2 * time.Minute, Grace: 20 * time.Second, Notice: "hotline/recording-notice", Open: true}
}

func newCall() telephony.Call {
	return telephony.Call{
		ID: "call-1", Channel: caller, Line: "session", Session: "7", Dialled: "12345", Masked: "138****5678", Place: "安徽合肥",
		Phase: telephony.PhaseArrived, Seq: 41, ArrivedAt: morning(), Version: 1, Rules: rules(),
	}
}

// stage is a call with the exchange around it.
type stage struct {
	call  telephony.Call
	now   time.Time
	phone agent.Phone
	fails map[string]bool // verbs that the exchange does not do
	down  map[string]telephony.Result
	deaf  bool // nobody ever enters the talk room but the first
	in    map[telephony.LegID]telephony.BridgeID
	out   strings.Builder
	heard []telephony.Event
}

func tell(t *testing.T, story string) string {
	t.Helper()
	s := &stage{
		call: newCall(), phone: agent.PhoneBrowser, fails: map[string]bool{}, down: map[string]telephony.Result{},
		in: map[telephony.LegID]telephony.BridgeID{},
	}
	for line := range strings.Lines(story) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, " "):
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			fmt.Fprintln(&s.out, line)
			continue
		case strings.HasPrefix(line, "given "):
			s.given(t, strings.Fields(line)[1:])
			fmt.Fprintln(&s.out, line)
			continue
		}
		words := strings.Fields(line)
		after, err := time.ParseDuration(words[0])
		require.NoError(t, err, line)
		s.now = morning().Add(after)
		fmt.Fprintln(&s.out, line)
		s.happens(s.eventNamed(t, words[1:]), "    ")
		for len(s.heard) > 0 {
			e := s.heard[0]
			s.heard = s.heard[1:]
			s.happens(e, "      ")
		}
		if due := s.call.Due(); !due.IsZero() {
			fmt.Fprintf(&s.out, "  due %s\n", clock(due))
		}
	}
	return s.out.String()
}

// happens runs one event and gives the orders that follow to the exchange.
func (s *stage) happens(e telephony.Event, indent string) {
	next, records := telephony.Apply(s.call, e, s.now)
	orders := telephony.Plan(next, next.Seen, s.now)
	for _, r := range records {
		fmt.Fprintf(&s.out, "%sstore %s\n", indent, describe(r))
	}
	if next.Phase != s.call.Phase || next.Word() != s.call.Word() {
		fmt.Fprintln(&s.out, strings.TrimRight(fmt.Sprintf("%s= %s (%s) %s", indent, next.Phase, next.Word(), next.Outcome), " "))
	}
	for _, o := range orders {
		fmt.Fprintf(&s.out, "%s-> %s%s\n", indent, order(o.Act), following(o, orders))
	}
	s.call = telephony.Begun(next, orders, s.now)
	failed := map[string]bool{}
	for _, o := range orders {
		if slices.ContainsFunc(o.After, func(key string) bool { return failed[key] }) {
			failed[o.Key] = true
			s.heard = append(s.heard, telephony.ActEnded{Order: o, Result: telephony.ResultDropped})
			continue
		}
		failed[o.Key] = !s.obey(o)
	}
}

// following says what of the same plan must be done before.
func following(o telephony.Order, all []telephony.Order) string {
	var after []string
	for _, other := range all {
		if slices.Contains(o.After, other.Key) {
			after = append(after, other.Key)
		}
	}
	if len(after) == 0 {
		return ""
	}
	return ", after " + strings.Join(after, " and ")
}

// obey is the exchange: it does an act at once and reports it; false when it does not.
func (s *stage) obey(o telephony.Order) bool {
	verb := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", o.Act), "telephony."))
	result := telephony.ResultDone
	if s.fails[verb] {
		result = telephony.ResultFailed
	}
	hear := func(e telephony.Event) { s.heard = append(s.heard, e) }
	switch a := o.Act.(type) {
	case telephony.Ring:
		if r, ok := s.down[a.Endpoint]; ok {
			result = r
		}
	case telephony.Hold:
		s.enter(a.Leg, a.Bridge)
	case telephony.Join:
		for i, leg := range a.Legs {
			if !s.deaf || i == 0 {
				s.enter(leg, a.Bridge)
			}
		}
	case telephony.Hangup:
		delete(s.in, a.Leg)
		hear(telephony.LegEnded{Leg: a.Leg, Cause: 16, Asked: true})
	case telephony.StopPlay:
		hear(telephony.PlayEnded(a))
	case telephony.Watch, telephony.Answer, telephony.Return, telephony.EnsureBridge, telephony.DeleteBridge, telephony.SetMute,
		telephony.Play, telephony.AskPlay, telephony.AskSeat:
	}
	hear(telephony.ActEnded{Order: o, Result: result})
	return result == telephony.ResultDone
}

func (s *stage) enter(leg telephony.LegID, to telephony.BridgeID) {
	if from := s.in[leg]; from != "" {
		s.heard = append(s.heard, telephony.LegParted{Leg: leg, Bridge: from})
	}
	s.in[leg] = to
	s.heard = append(s.heard, telephony.LegEntered{Leg: leg, Bridge: to})
}

func (s *stage) given(t *testing.T, words []string) {
	t.Helper()
	for _, w := range words {
		what, of, _ := strings.Cut(w, ":")
		switch what {
		case "unknown-number":
			s.call.Line = ""
		case "closed":
			s.call.Rules.Open = false
		case "no-wrap-up":
			s.call.Rules.WrapUp = 0
		case "no-notice":
			s.call.Rules.Notice = ""
		case "sip-phone":
			s.phone = agent.PhoneSIP
		case "anonymous":
			s.call.Masked = ""
		case "deaf":
			s.deaf = true
		case "offline":
			s.down["phone-"+of] = telephony.ResultOffline
		case "broken":
			s.down["phone-"+of] = telephony.ResultFailed
		case "fails":
			s.fails[of] = true
		case "works":
			delete(s.fails, of)
		default:
			t.Fatalf("given what? %q", w)
		}
	}
}

func makeOffer(id telephony.OfferID, seat agent.SeatID, phone agent.Phone, now time.Time) telephony.Offer {
	return telephony.Offer{
		ID: id, Kind: telephony.OfferLine, Seat: seat, Person: "official-" + agent.PersonID(seat), Phone: phone, Endpoint: "phone-" + string(seat),
		OfferedAt: now, ExpiresAt: now.Add(20 * time.Second),
	}
}

// eventNamed reads an event as the stories write it.
func (s *stage) eventNamed(t *testing.T, words []string) telephony.Event {
	t.Helper()
	arg := func(i int) string {
		require.Greater(t, len(words), i, "%v", words)
		return words[i]
	}
	leg := func() telephony.LegID { return telephony.LegID(arg(1)) }
	seat := func() agent.SeatID { return agent.SeatID(arg(1)) }
	switch words[0] {
	case "arrived":
		return telephony.Arrived{Up: slices.Contains(words, "up")}
	case "play-ended":
		return telephony.PlayEnded{Playback: arg(1)}
	case "time":
		return telephony.TimePassed{}
	case "offer":
		return telephony.Offered{Offer: makeOffer(telephony.OfferID(arg(1)), agent.SeatID(arg(2)), s.phone, s.now)}
	case "ringing":
		return telephony.LegRings{Leg: leg()}
	case "answered":
		return telephony.LegUp{Leg: leg()}
	case "dying":
		return telephony.LegDying{Leg: leg()}
	case "gone":
		e := telephony.LegEnded{Leg: leg(), Asked: slices.Contains(words, "asked")}
		_, err := fmt.Sscan(arg(2), &e.Cause)
		require.NoError(t, err)
		return e
	case "caller-left":
		return telephony.LegDying{Leg: caller, Soft: slices.Contains(words, "soft")}
	case "declined":
		return telephony.Declined{Offer: telephony.OfferID(arg(1)), Reason: arg(2)}
	case "hung-up":
		return telephony.HungUp{Seat: seat()}
	case "held", "resumed":
		return telephony.Held{Seat: seat(), On: words[0] == "held"}
	case "muted", "unmuted":
		return telephony.Muted{Seat: seat(), On: words[0] == "muted"}
	case "page-replaced":
		return telephony.PageReplaced{Seat: seat()}
	case "phone-gone":
		return telephony.PhoneGone{Seat: seat()}
	case "seat-online":
		return telephony.SeatOnline{Seat: seat()}
	case "seat-known":
		return telephony.SeatKnown{Offer: telephony.OfferID(arg(3)), Seat: agent.State{
			Seat: seat(), Person: "official-" + agent.PersonID(seat()), Endpoint: arg(2), Phone: s.phone, Device: agent.DeviceOK,
		}}
	case "all-recused":
		e := telephony.AllRecused{}
		if len(words) > 1 {
			e.Line, e.Rules = agent.LineID(arg(1)), rules()
		}
		return e
	case "looked":
		return s.look(words)
	case "lost":
		return telephony.Looked{At: s.now, Restarted: slices.Contains(words, "restarted")}
	case "failed":
		return telephony.Failed{}
	}
	t.Fatalf("no such event: %v", words)
	return nil
}

// look shows the exchange as it is: whoever is in a bridge is up.
func (s *stage) look(words []string) telephony.Looked {
	if slices.Contains(words, "silent") {
		delete(s.in, caller)
	}
	e := telephony.Looked{At: s.now, Adopted: slices.Contains(words, "adopted"), Legs: map[telephony.LegID]telephony.LegSeen{
		caller: {Up: !slices.Contains(words, "not-up"), In: s.in[caller]},
	}}
	for leg, in := range s.in {
		e.Legs[leg] = telephony.LegSeen{Up: leg != caller || !slices.Contains(words, "not-up"), In: in}
		e.Talk = e.Talk || in == telephony.TalkBridge(s.call.ID)
	}
	if i := slices.Index(words, "up"); i > 0 {
		e.Legs[telephony.LegID(words[i+1])] = telephony.LegSeen{Up: true}
	}
	if e.Adopted { // as the ledger gives it
		s.call.Seen, s.call.Cue = telephony.Seen{}, nil
	}
	return e
}

func clock(at time.Time) string { return at.Sub(morning()).String() }

func describe(r telephony.Record) string {
	switch r := r.(type) {
	case telephony.PutOffer:
		return strings.TrimRight(fmt.Sprintf("offer %s (%s) %s %s", r.ID, r.Kind, r.State, r.Reason), " ")
	case telephony.PutPart:
		s := fmt.Sprintf("%s %s by %s, wanted in %q", r.Role, r.State, r.Leg, r.Want)
		if r.Muted {
			s += ", muted"
		}
		if !r.Deadline.IsZero() {
			s += " until " + clock(r.Deadline)
		}
		if r.Why != "" {
			s += ": " + r.Why
		}
		return s
	case telephony.PutSegment:
		s := fmt.Sprintf("segment of %s", r.Seat)
		if r.Why != "" {
			s += " " + string(r.Why)
		}
		return s
	case telephony.SetWork:
		s := fmt.Sprintf("work of %s: %s", r.Seat, r.Work)
		if r.Miss {
			s += ", a miss"
		}
		if !r.Until.IsZero() {
			s += " until " + clock(r.Until)
		}
		if r.Rest > 0 {
			s += ", resting " + r.Rest.String()
		}
		if r.Out {
			s += ", out until its telephone reports"
		}
		return s
	case telephony.MoveLine:
		return fmt.Sprintf("move from line %s to %s: %s", r.From, r.To, r.Why)
	case telephony.OpenCallback:
		return "callback"
	case telephony.Tell:
		return fmt.Sprintf("fact %s to %s", r.Kind, strings.Join(r.Topics, " "))
	}
	return fmt.Sprintf("%#v", r)
}

func order(a telephony.Act) string {
	switch a := a.(type) {
	case telephony.Watch:
		return fmt.Sprintf("watch %s", a.Leg)
	case telephony.Answer:
		return fmt.Sprintf("answer %s", a.Leg)
	case telephony.Hangup:
		return fmt.Sprintf("hang up %s", a.Leg)
	case telephony.Return:
		return fmt.Sprintf("give %s back to the net", a.Leg)
	case telephony.Ring:
		s := fmt.Sprintf("ring %s at %s for %s showing %s", a.Leg, a.Endpoint, a.Limit, a.CallerID)
		if a.Resume {
			s += ", resuming"
		}
		return s
	case telephony.EnsureBridge:
		return fmt.Sprintf("make bridge %s", a.Bridge)
	case telephony.DeleteBridge:
		return fmt.Sprintf("delete bridge %s", a.Bridge)
	case telephony.Hold:
		return fmt.Sprintf("hold %s in %s", a.Leg, a.Bridge)
	case telephony.Join:
		return fmt.Sprintf("join %v in %s", a.Legs, a.Bridge)
	case telephony.SetMute:
		return fmt.Sprintf("mute %s: %t", a.Leg, a.On)
	case telephony.Play:
		return fmt.Sprintf("play %s to %s as %s", a.Media, a.Leg, a.Playback)
	case telephony.StopPlay:
		return fmt.Sprintf("stop playing %s", a.Playback)
	case telephony.AskPlay:
		return fmt.Sprintf("ask whether %s runs", a.Playback)
	case telephony.AskSeat:
		return fmt.Sprintf("ask how %s is", a.Seat)
	}
	return fmt.Sprintf("%#v", a)
}
