package telephony_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// The table of who drops when (architecture.md 8.1), cell by cell: what Apply makes of the call, not what the table says of
// itself. The golden file is the document to read.
func TestWhoDrops(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	fmt.Fprintln(&b, "# situation / who / how: what becomes of the call, and of whom. Nothing else moves.")
	for _, in := range []telephony.Situation{
		telephony.Talking, telephony.OnHold, telephony.ConsultRinging, telephony.ConsultUp, telephony.ThreeWay, telephony.TransferRinging,
		telephony.CallbackDialling,
	} {
		fmt.Fprintf(&b, "\n%s\n", in)
		for _, who := range []telephony.Who{
			telephony.WhoCaller, telephony.WhoGiver, telephony.WhoTarget, telephony.WhoRecorder, telephony.WhoSupervisor, telephony.WhoOutside,
		} {
			for _, how := range []telephony.How{telephony.ByOwnAct, telephony.LostInGrace, telephony.GraceOver} {
				fmt.Fprintf(&b, "  %-10s %-10s %s\n", who, how, drop(t, in, who, how))
			}
		}
	}
	const file = "testdata/drops.golden"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

const (
	giver    = telephony.ParticipantID("giver")
	target   = telephony.ParticipantID("target")
	recorder = telephony.ParticipantID("recorder")
	boss     = telephony.ParticipantID("supervisor")
	outside  = telephony.ParticipantID("outside")
)

// situation builds a call that does this, with everybody in it who could drop.
func situation(in telephony.Situation, who telephony.Who) telephony.Call {
	c := newCall()
	now := morning()
	c.Phase, c.QueuedAt, c.AnsweredAt, c.Seat = telephony.PhaseServing, now, now, "A01"
	up := func(id telephony.ParticipantID, role telephony.Role, seat agent.SeatID) telephony.Participant {
		return telephony.Participant{
			ID: id, Role: role, Seat: seat, Person: "p-" + agent.PersonID(id), Phone: agent.PhoneBrowser, Leg: telephony.LegID("hl-" + id),
			Want: telephony.RoomTalk, State: telephony.StateUp, Joined: now,
		}
	}
	citizen := up("call-1", telephony.RoleCaller, "")
	citizen.Leg = caller
	official, third := up(giver, telephony.RoleOfficial, "A01"), up(target, telephony.RoleConsulted, "A02")
	if who == telephony.WhoOutside {
		third = up(outside, telephony.RoleInterpreter, "")
	}
	c.Segment = &telephony.Segment{ID: giver, Seat: "A01", Person: "p-giver", BeganAt: now}
	ringing := func(kind telephony.OfferKind) {
		third.State, third.Joined = telephony.StateAsked, time.Time{}
		if third.Seat != "" {
			third.Offer = "offer-t"
			c.Offers = []telephony.Offer{{ID: "offer-t", Kind: kind, Part: third.ID, Seat: third.Seat, State: telephony.OfferOpen, ExpiresAt: now.Add(time.Minute)}}
			third.Leg = c.Offers[0].Leg()
		}
	}
	parts := []telephony.Participant{citizen, official}
	switch in {
	case telephony.Talking:
	case telephony.OnHold:
		parts[0].Want = telephony.RoomHold
	case telephony.ConsultRinging:
		parts[0].Want = telephony.RoomHold
		ringing(telephony.OfferConsult)
		parts = append(parts, third)
	case telephony.ConsultUp:
		parts[0].Want = telephony.RoomHold
		parts = append(parts, third)
	case telephony.ThreeWay:
		parts = append(parts, third)
	case telephony.TransferRinging:
		parts[0].Want = telephony.RoomHold
		if third.Seat == "" {
			third = up(target, telephony.RoleConsulted, "A02")
		}
		ringing(telephony.OfferTransfer)
		parts = append(parts, third)
	case telephony.CallbackDialling:
		parts[0].State, parts[0].Joined = telephony.StateAsked, time.Time{}
		c.AnsweredAt, c.Phase, c.Segment = time.Time{}, telephony.PhaseWaiting, nil
	}
	c.Parts = append(parts, up(recorder, telephony.RoleRecorder, ""), up(boss, telephony.RoleSupervisor, ""))
	c.Seen.Legs = map[telephony.LegID]telephony.LegSeen{}
	for _, p := range c.Parts {
		c.Seen.Legs[p.Leg] = telephony.LegSeen{Up: p.State == telephony.StateUp, In: telephony.TalkBridge(c.ID), Watched: true}
	}
	return c
}

// drop lets somebody drop and says what has become of everybody.
func drop(t *testing.T, in telephony.Situation, who telephony.Who, how telephony.How) string {
	t.Helper()
	call := situation(in, who)
	id, there := droppers(call)[who]
	if !there {
		return "-"
	}
	require.Equal(t, in, call.Situation(), "the stage is not what it should be")
	part := partOf(call, id)
	before := call
	now := morning().Add(10 * time.Second)
	if how == telephony.GraceOver {
		if part.Role == telephony.RoleCaller || part.State == telephony.StateAsked || part.Seat == "" {
			return drop(t, in, who, telephony.LostInGrace) // nothing of theirs comes back
		}
		call, _ = telephony.Apply(call, telephony.LegDying{Leg: part.Leg}, now)
		now = now.Add(21 * time.Second)
		return outcome(t, before, call, telephony.TimePassed{}, now)
	}
	e := telephony.Event(telephony.LegDying{Leg: part.Leg})
	switch {
	case part.State == telephony.StateAsked && part.Offer != "" && how == telephony.ByOwnAct:
		e = telephony.Declined{Offer: part.Offer, Reason: "busy"}
	case part.State == telephony.StateAsked:
		e = telephony.LegEnded{Leg: part.Leg, Cause: 19}
	case how == telephony.ByOwnAct && part.Seat != "":
		e = telephony.HungUp{Seat: part.Seat}
	}
	return outcome(t, before, call, e, now)
}

func droppers(c telephony.Call) map[telephony.Who]telephony.ParticipantID {
	all := map[telephony.Who]telephony.ParticipantID{}
	for _, p := range c.Parts {
		switch {
		case p.Role == telephony.RoleCaller:
			all[telephony.WhoCaller] = p.ID
		case p.Role == telephony.RoleRecorder:
			all[telephony.WhoRecorder] = p.ID
		case p.Role == telephony.RoleSupervisor:
			all[telephony.WhoSupervisor] = p.ID
		case p.Role == telephony.RoleInterpreter:
			all[telephony.WhoOutside] = p.ID
		case p.ID == giver:
			all[telephony.WhoGiver] = p.ID
		default:
			all[telephony.WhoTarget] = p.ID
		}
	}
	return all
}

func partOf(c telephony.Call, id telephony.ParticipantID) telephony.Participant {
	return c.Parts[slices.IndexFunc(c.Parts, func(p telephony.Participant) bool { return p.ID == id })]
}

// outcome applies the event and tells the call's word, everybody's state and room, and the seats' work.
func outcome(t *testing.T, before, call telephony.Call, e telephony.Event, now time.Time) string {
	t.Helper()
	next, records := telephony.Apply(call, e, now)
	words := []string{string(next.Word())}
	if next.Outcome != "" {
		words = append(words, string(next.Outcome))
	}
	for _, p := range before.Parts {
		i := slices.IndexFunc(next.Parts, func(o telephony.Participant) bool { return o.ID == p.ID })
		now := telephony.Participant{State: telephony.StateGone}
		if i >= 0 {
			now = next.Parts[i]
		}
		if next.Phase != telephony.PhaseEnded && (now.State != p.State || now.Want != p.Want || now.Role != p.Role) {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s:%s/%s/%s", p.ID, now.State, now.Role, now.Want)))
		}
	}
	for _, o := range next.Offers {
		words = append(words, fmt.Sprintf("offer:%s", o.Kind))
	}
	for _, r := range records {
		switch r := r.(type) {
		case telephony.SetWork:
			words = append(words, fmt.Sprintf("%s=%s", r.Seat, r.Work))
		case telephony.PutSegment:
			words = append(words, strings.TrimRight(fmt.Sprintf("segment:%s/%s", r.Seat, r.Why), "/"))
		case telephony.PutOffer, telephony.PutPart, telephony.MoveLine, telephony.OpenCallback, telephony.Tell:
		}
	}
	return strings.Join(words, " ")
}
