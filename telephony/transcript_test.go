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

// The stories in testdata: a line at the margin is an event with its time, the lines under it are what must follow.
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

const (
	offer1 = telephony.OfferID("offer-1")
	caller = telephony.LegID("citizen")
)

func morning() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

func newCall() telephony.Call {
	return telephony.Call{
		ID: "call-1", Channel: caller, Line: "session", Session: "7", Dialled: "12345", Masked: "138****5678", Place: "安徽合肥",
		State: telephony.StateArrived, Seq: 41, ArrivedAt: morning(), Version: 1,
		Rules: telephony.Rules{
			Ring: 20 * time.Second, WrapUp: 2 * time.Minute, Grace: 20 * time.Second, Notice: "hotline/recording-notice", Open: true,
		},
	}
}

func tell(t *testing.T, story string) string {
	t.Helper()
	call, phone := newCall(), agent.PhoneBrowser
	var b strings.Builder
	for line := range strings.Lines(story) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, " "):
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			fmt.Fprintln(&b, line)
			continue
		case strings.HasPrefix(line, "given "):
			given(t, &call, &phone, strings.Fields(line)[1:])
			fmt.Fprintln(&b, line)
			continue
		}
		words := strings.Fields(line)
		after, err := time.ParseDuration(words[0])
		require.NoError(t, err, line)
		now := morning().Add(after)
		next, effects := telephony.Apply(call, eventNamed(t, words[1:], phone, now), now)
		fmt.Fprintln(&b, line)
		for _, e := range effects {
			fmt.Fprintf(&b, "    %s\n", describe(e))
		}
		if next.State != call.State {
			fmt.Fprintf(&b, "  = %s %s\n", next.State, next.Outcome)
		}
		call = next
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func given(t *testing.T, c *telephony.Call, phone *agent.Phone, words []string) {
	t.Helper()
	for _, w := range words {
		switch w {
		case "unknown-number":
			c.Line = ""
		case "closed":
			c.Rules.Open = false
		case "no-wrap-up":
			c.Rules.WrapUp = 0
		case "no-notice":
			c.Rules.Notice = ""
		case "sip-phone":
			*phone = agent.PhoneSIP
		case "anonymous":
			c.Masked = ""
		default:
			t.Fatalf("given what? %q", w)
		}
	}
}

func makeOffer(id telephony.OfferID, seat agent.SeatID, phone agent.Phone, now time.Time) telephony.Offer {
	return telephony.Offer{
		ID: id, Leg: telephony.LegID(id), Seat: seat, Person: "official-" + agent.PersonID(seat), Phone: phone,
		Endpoint: "phone-" + string(seat), State: telephony.OfferOpen, OfferedAt: now, ExpiresAt: now.Add(20 * time.Second),
	}
}

// eventNamed reads an event as the stories write it.
func eventNamed(t *testing.T, words []string, phone agent.Phone, now time.Time) telephony.Event {
	t.Helper()
	arg := func(i int) string {
		require.Greater(t, len(words), i, "%v", words)
		return words[i]
	}
	leg := func() telephony.LegID { return telephony.LegID(arg(1)) }
	switch words[0] {
	case "arrived":
		return telephony.Arrived{Up: slices.Contains(words, "up")}
	case "play-ended":
		return telephony.PlayEnded{Playback: arg(1)}
	case "timer":
		return telephony.TimerFired{Timer: telephony.Timer(arg(1))}
	case "offer":
		return telephony.OfferMade{Offer: makeOffer(telephony.OfferID(arg(1)), agent.SeatID(arg(2)), phone, now)}
	case "ringing":
		return telephony.SeatRinging{Leg: leg()}
	case "answered":
		return telephony.SeatAnswered{Leg: leg()}
	case "joined":
		return telephony.LegJoined{Leg: leg()}
	case "parted":
		return telephony.LegParted{Leg: leg()}
	case "dying":
		return telephony.SeatDying{Leg: leg()}
	case "gone":
		e := telephony.SeatGone{Leg: leg(), Asked: slices.Contains(words, "asked")}
		_, err := fmt.Sscan(arg(2), &e.Cause)
		require.NoError(t, err)
		return e
	case "ring-failed":
		return telephony.RingFailed{Leg: leg(), Offline: slices.Contains(words, "offline")}
	case "caller-left":
		return telephony.CallerLeft{Soft: slices.Contains(words, "soft")}
	case "declined":
		return telephony.Declined{Offer: telephony.OfferID(arg(1)), Reason: arg(2)}
	case "hung-up":
		return telephony.HungUp{}
	case "page-replaced":
		return telephony.PageReplaced{}
	case "seat-online":
		return telephony.SeatOnline{}
	case "seat-known":
		seat := agent.SeatID(arg(1))
		return telephony.SeatKnown{Leg: telephony.LegID(arg(3)), Seat: agent.State{
			Seat: seat, Person: "official-" + agent.PersonID(seat), Endpoint: arg(2), Phone: phone,
		}}
	case "seen":
		e := telephony.Seen{
			Adopted: slices.Contains(words, "adopted"), CallerUp: !slices.Contains(words, "caller-not-up"),
			CallerIn: slices.Contains(words, "caller-in"), CallerHeld: slices.Contains(words, "held"),
			SeatUp: slices.Contains(words, "seat-up"), SeatIn: slices.Contains(words, "seat-in"),
		}
		if i := slices.Index(words, "seat"); i > 0 {
			e.Seat = telephony.LegID(arg(i + 1))
		}
		return e
	case "lost":
		return telephony.Lost{Restarted: slices.Contains(words, "restarted")}
	}
	t.Fatalf("no such event: %v", words)
	return nil
}

func describe(e telephony.Effect) string {
	clock := func(at time.Time) string { return at.Sub(morning()).String() }
	switch e := e.(type) {
	case telephony.StoreOffer:
		return strings.TrimRight(fmt.Sprintf("store offer %s %s leg=%s %s", e.Offer.ID, e.Offer.State, e.Offer.Leg, e.Offer.Reason), " ")
	case telephony.SetWork:
		s := fmt.Sprintf("store work of %s: %s", e.Seat, e.Work)
		if e.Miss {
			s += ", a miss"
		}
		if !e.Until.IsZero() {
			s += " until " + clock(e.Until)
		}
		return s
	case telephony.RecordLeg:
		s := fmt.Sprintf("store leg %s (%s)", e.Channel, e.Role)
		if !e.Joined.IsZero() {
			s += " joined"
		}
		if !e.Left.IsZero() {
			s += " left: " + e.Cause
		}
		return s
	case telephony.Tell:
		return fmt.Sprintf("tell %s to %s", e.Kind, strings.Join(e.Topics, " "))
	case telephony.OpenCallback:
		return "store callback"
	case telephony.Watch:
		return fmt.Sprintf("watch %s", e.Leg)
	case telephony.Answer:
		return fmt.Sprintf("answer %s", e.Leg)
	case telephony.Hangup:
		return fmt.Sprintf("hang up %s", e.Leg)
	case telephony.Ring:
		s := fmt.Sprintf("ring %s at %s for %s showing %s", e.Leg, e.Endpoint, e.Limit, e.CallerID)
		if e.Resume {
			s += ", resuming"
		}
		return s
	case telephony.EnsureBridge:
		return fmt.Sprintf("make bridge %s (%s)", e.Bridge, e.Kind)
	case telephony.DeleteBridge:
		return fmt.Sprintf("delete bridge %s", e.Bridge)
	case telephony.Hold:
		return fmt.Sprintf("hold %s in %s", e.Leg, e.Bridge)
	case telephony.Join:
		return fmt.Sprintf("join %v in %s", e.Legs, e.Bridge)
	case telephony.Play:
		return fmt.Sprintf("play %s to %s as %s", e.Media, e.Leg, e.Playback)
	case telephony.StopPlay:
		return fmt.Sprintf("stop playing %s", e.Playback)
	case telephony.JoinLine:
		return fmt.Sprintf("join line %s at place %d/%d", e.Line, e.Priority, e.Seq)
	case telephony.LeaveLine:
		return fmt.Sprintf("leave line %s", e.Line)
	case telephony.FreeSeat:
		s := fmt.Sprintf("free seat %s", e.Seat)
		if e.After > 0 {
			s += " after " + e.After.String()
		}
		if e.Out {
			s += " when its telephone reports"
		}
		return s
	case telephony.StartWrapUp:
		return fmt.Sprintf("wrap-up of %s until %s", e.Seat, clock(e.Until))
	case telephony.AskSeat:
		return fmt.Sprintf("ask how %s is", e.Seat)
	case telephony.SetTimer:
		return fmt.Sprintf("set timer %s at %s", e.Timer, clock(e.At))
	case telephony.StopTimer:
		return fmt.Sprintf("stop timer %s", e.Timer)
	}
	return fmt.Sprintf("%#v", e)
}
