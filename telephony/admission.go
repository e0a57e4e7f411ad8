package telephony

import (
	"strconv"
	"strings"
	"time"
)

// arrived begins the story of a call whose row is written.
func (s *step) arrived(up bool) {
	if s.c.Phase != PhaseArrived {
		return
	}
	s.c.Phase, s.stored = PhaseAdmission, true
	if len(s.c.Parts) == 0 {
		s.c.Parts = append(s.c.Parts, Participant{ID: ParticipantID(s.c.ID), Role: RoleCaller, Leg: s.c.Channel, State: StateUp, Since: s.now})
	}
	s.see(s.c.Channel, func(l *LegSeen) { l.Up = l.Up || up }) // while the ledger was away it was answered before its row stood
	s.announce(false)
}

// announce plays what the caller must hear first. Resumed: an earlier controller has begun it.
func (s *step) announce(resumed bool) {
	cue := Cue{Media: s.c.Rules.Notice, Admits: true}
	if away := s.turnedAway(); away != "" {
		cue = Cue{Media: mediaClosed, Ends: away}
		if away == OutcomeOutOfScope {
			cue.Media = mediaUnknown
		}
	} else {
		s.wantCaller(RoomHold)
	}
	if cue.Media == "" {
		s.admit()
		return
	}
	cue.ID, cue.Leg, cue.Until, cue.Asked = playbackID(s.c.ID, "notice"), s.c.Channel, s.now.Add(noticeLimit), resumed
	s.c.Cue = &cue
}

// wantCaller says where the citizen belongs; it is stored with whatever else the step stores.
func (s *step) wantCaller(room Room) {
	for i, p := range s.c.Parts {
		if p.Role == RoleCaller {
			s.c.Parts[i].Want = room
		}
	}
}

// turnedAway is the outcome of a call that nobody will take, empty for all others.
func (s *step) turnedAway() Outcome {
	switch {
	case s.c.Line == "":
		return OutcomeOutOfScope
	case !s.c.Rules.Open:
		return OutcomeClosedBeforeTurn
	default:
		return ""
	}
}

// playEnded follows an announcement. What it was for is settled by the rules of the moment: a session that closed meanwhile
// takes nobody.
func (s *step) playEnded(playback string) {
	delete(s.c.Seen.Acts, keyPlay+playback)
	if s.c.Seen.Playing == playback {
		s.c.Seen.Playing = ""
	}
	cue := s.c.Cue
	if cue == nil || cue.ID != playback {
		return
	}
	s.c.Cue = nil
	switch away := s.turnedAway(); {
	case cue.Admits && away != "":
		s.end(away, causeController)
	case cue.Admits:
		s.admit()
	case cue.Ends != "":
		s.end(cue.Ends, causeController)
	}
}

// admit lets the caller wait in the line from now on.
func (s *step) admit() {
	s.c.Phase, s.c.QueuedAt, s.stored = PhaseWaiting, s.now, true
	data := map[string]any{"line": s.c.Line, "session": s.c.Session, "channel": s.c.Channel}
	if s.c.Resumes != "" {
		data["resumes"] = s.c.Resumes
	}
	s.tell("call.admitted", "", data)
}

// say plays an announcement that nothing follows.
func (s *step) say(playback, media string) {
	s.c.Cue = &Cue{ID: playback, Leg: s.c.Channel, Media: media, Until: s.now.Add(noticeLimit)}
}

// lostWords names the announcement that a leg is lost, and waited for until then, so that a controller that comes meanwhile can stop it.
func (s *step) lostWords(until time.Time) string {
	return playbackID(s.c.ID, "lost"+strconv.FormatInt(until.UnixMilli(), 10))
}

// WaitWords tells a citizen whose row can not be written yet that the call has been received (F13).
func WaitWords(call CallID, leg LegID) Play {
	return Play{Leg: leg, Playback: playbackID(call, "received"), Media: mediaReceived}
}

// playbackID names an announcement: no two steps of a call share one, not even across a restart.
func playbackID(call CallID, what string) string { return "pb-" + string(call) + "-" + what }

// PlaybackCall is the call that an announcement belongs to.
func PlaybackCall(playback string) CallID {
	id := strings.TrimPrefix(playback, "pb-")
	if i := strings.LastIndexByte(id, '-'); i > 0 {
		id = id[:i]
	}
	return CallID(id)
}

// allRecused: nobody of this line may take the call. Operators behind the same number do; else we call back.
func (s *step) allRecused(e AllRecused) {
	if !s.c.InLine() {
		return
	}
	if e.Line == "" {
		s.c.Cue = &Cue{
			ID: playbackID(s.c.ID, "callback"), Leg: s.c.Channel, Media: mediaCallback, Until: s.now.Add(noticeLimit), Ends: OutcomeRegisteredCallback,
		}
		return
	}
	move := LineMove{From: s.c.Line, To: e.Line, Why: "all_recused"}
	s.c.Line, s.c.Rules, s.stored = e.Line, e.Rules, true
	s.record(MoveLine{move})
	s.tell("call.moved", "", map[string]any{"line": move.To, "from": move.From, "reason": move.Why})
}
