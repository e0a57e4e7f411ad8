package telephony

import "slices"

// Word is the one word that people see for a call (peers.md 3.4). It is derived here and nowhere else: board, panel and
// verify share it.
type Word string

// The words.
const (
	WordArrived      Word = "arrived"
	WordScreening    Word = "screening"    // hears the recording notice
	WordQueued       Word = "queued"       // 排队
	WordOffered      Word = "offered"      // 振铃
	WordTalking      Word = "talking"      // 通话
	WordHeld         Word = "held"         // 保持
	WordConsulting   Word = "consulting"   // 咨询
	WordConference   Word = "conference"   // 三方
	WordTransferring Word = "transferring" // 转接中
	WordReconnecting Word = "reconnecting" // 恢复中
	WordEnded        Word = "ended"
)

// Word derives the word from what is stored of a call: phase, participants, open offers and segment.
func (c Call) Word() Word {
	switch c.Phase {
	case PhaseArrived:
		return WordArrived
	case PhaseAdmission:
		return WordScreening
	case PhaseWaiting:
		if len(c.Offers) > 0 {
			return WordOffered
		}
		return WordQueued
	case PhaseEnded:
		return WordEnded
	case PhaseServing:
	}
	return c.servingWord()
}

func (c Call) servingWord() Word {
	back := slices.ContainsFunc(c.Parts, func(p Participant) bool {
		return p.serves() && (p.State == StateLost || p.State == StateAsked && !p.Joined.IsZero())
	})
	switch situation := c.Situation(); {
	case situation == TransferRinging:
		return WordTransferring
	case back:
		return WordReconnecting
	case situation == OnHold:
		return WordHeld
	case situation == ConsultRinging, situation == ConsultUp:
		return WordConsulting
	case situation == ThreeWay:
		return WordConference
	}
	return WordTalking
}
