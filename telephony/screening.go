package telephony

import (
	"fmt"
	"strings"
)

// arrived begins the story of a call whose row is written.
func (s *step) arrived(up bool) {
	if s.c.State != StateArrived {
		return
	}
	s.c.State = StateScreening
	s.do(Watch{Leg: s.c.Channel})
	s.screen(up, false)
}

// screen answers and plays what the caller must hear first. The caller goes on hold before the recording notice, so that
// an end of the notice that nobody reports leaves music and not silence.
func (s *step) screen(up, held bool) {
	if !up {
		s.do(Answer{Leg: s.c.Channel})
	}
	s.c.Live.CallerUp = true
	media := s.c.Rules.Notice
	switch away := s.turnedAway(); {
	case away == OutcomeOutOfScope:
		media = mediaUnknown
	case away != "":
		media = mediaClosed
	default:
		if !held {
			s.hold()
		}
		if media == "" {
			s.screened()
			return
		}
	}
	s.play(media)
	s.do(SetTimer{Timer: TimerNotice, At: s.now.Add(noticeLimit)})
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

func (s *step) playEnded(playback string) {
	if playback == "" || playback != s.c.Live.Playback {
		return
	}
	s.c.Live.Playback = ""
	if s.c.State == StateScreening {
		s.screened()
	}
}

// screened follows the announcement: the caller waits in the line from now on, or is let go.
func (s *step) screened() {
	s.c.Live.Playback = ""
	s.do(StopTimer{Timer: TimerNotice})
	if outcome := s.turnedAway(); outcome != "" {
		s.end(outcome, causeController)
		return
	}
	s.c.State, s.c.QueuedAt = StateQueued, s.now
	s.tell("call.admitted", nil, map[string]any{
		"line": s.c.Line, "session": s.c.Session, "channel": s.c.Channel,
	})
	s.joinLine()
}

// play starts an announcement. Its id carries the version that this step will have: no two steps share one, not even
// across a restart.
func (s *step) play(media string) {
	s.c.Live.Playback = playbackID(s.c.ID, s.c.Version+1)
	s.do(Play{Leg: s.c.Channel, Playback: s.c.Live.Playback, Media: media})
}

func playbackID(call CallID, version int64) string { return fmt.Sprintf("pb-%s-%d", call, version) }

// playbackCall is the call that an announcement belongs to.
func playbackCall(playback string) CallID {
	id := strings.TrimPrefix(playback, "pb-")
	if i := strings.LastIndexByte(id, '-'); i > 0 {
		id = id[:i]
	}
	return CallID(id)
}

func (s *step) stopPlay() {
	if pb := s.c.Live.Playback; pb != "" {
		s.c.Live.Playback = ""
		s.do(StopPlay{Playback: pb})
	}
}

func (s *step) hold() {
	s.c.Live.CallerIn = false
	s.do(Hold{Bridge: HoldBridge(s.c.Line), Leg: s.c.Channel})
}

func (s *step) joinLine() {
	s.do(JoinLine{Line: s.c.Line, Waiting: place(s.c)})
}

// place is a call's place in its line, the same for ever (I6).
func place(c Call) Waiting { return Waiting{Call: c.ID, Priority: c.Priority, Seq: c.Seq} }
