package httpapi

import (
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// Card is a call as its seat shows it, before and after the answer.
type Card struct {
	ID          string       `json:"id" format:"uuid"`
	State       string       `json:"state" enum:"arrived,screening,queued,offered,talking,held,consulting,conference,transferring,reconnecting,ended" doc:"The one word for what the call is doing (保持 is held)"`
	Masked      string       `json:"masked" doc:"138****5678; empty: anonymous"`
	Place       string       `json:"place" doc:"By area code; empty: unknown"`
	ArrivedAt   time.Time    `json:"arrived_at"`
	QueuedAt    *time.Time   `json:"queued_at" nullable:"true"`
	AnsweredAt  *time.Time   `json:"answered_at" nullable:"true"`
	Seat        string       `json:"seat"`
	HeldAt      *time.Time   `json:"held_at" nullable:"true" doc:"Since when the citizen is on hold"`
	Muted       bool         `json:"muted" doc:"The person who speaks at the seat is not heard"`
	Offer       Maybe[Offer] `json:"offer"`
	WrapUpUntil *time.Time   `json:"wrapup_until" nullable:"true"`
	Version     int64        `json:"version"`
	Outcome     string       `json:"outcome" doc:"How the call ended; empty while it goes on"`
}

// Offer is the open offer of a card.
type Offer struct {
	ID        string    `json:"id" format:"uuid"`
	OfferedAt time.Time `json:"offered_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Board is the supervisors' board.
type Board struct {
	Position string      `json:"position" doc:"Place in the fact log from which to resume"`
	At       time.Time   `json:"at"`
	Lines    []BoardLine `json:"lines"`
	Seats    []BoardSeat `json:"seats"`
	Counts   Counts      `json:"counts" doc:"Of the live session, or of today when there is none"`
	Today    Counts      `json:"today"`
}

// BoardLine is a line with who waits, first to be served first.
type BoardLine struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Waiting []BoardCaller `json:"waiting"`
}

// BoardCaller waits in a line, or is being offered.
type BoardCaller struct {
	Call     string     `json:"call" format:"uuid"`
	Masked   string     `json:"masked"`
	Place    string     `json:"place"`
	QueuedAt *time.Time `json:"queued_at" nullable:"true"`
	State    string     `json:"state" enum:"arrived,screening,queued,offered,talking,held,consulting,conference,transferring,reconnecting,ended"`
}

// BoardPerson sits at a seat.
type BoardPerson struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"name"`
}

// BoardSeat is a seat with its four facts and the word that is shown for them.
type BoardSeat struct {
	ID          string             `json:"id"`
	Label       string             `json:"label"`
	Kind        string             `json:"kind"`
	Line        string             `json:"line"`
	UnitName    string             `json:"unit_name"`
	Person      Maybe[BoardPerson] `json:"person"`
	Recorder    Maybe[BoardPerson] `json:"recorder"`
	Phone       string             `json:"phone"`
	Intent      string             `json:"intent"`
	RestCode    string             `json:"rest_code"`
	RestUntil   *time.Time         `json:"rest_until" nullable:"true"`
	Pending     string             `json:"pending"`
	Device      string             `json:"device"`
	IntentSince time.Time          `json:"intent_since"`
	Version     int64              `json:"version"`
	Work        string             `json:"work"`
	WorkSince   time.Time          `json:"work_since"`
	WrapUpUntil *time.Time         `json:"wrapup_until" nullable:"true"`
	Call        string             `json:"call"`
	Offer       string             `json:"offer"`
	Misses      int                `json:"misses"`
	Shown       string             `json:"shown"`
	CallState   string             `json:"call_state" enum:",talking,held,consulting,conference,transferring,reconnecting" doc:"Word of the call that the seat serves; empty: none"`
}

// Counts are the K-figures; an average of nothing is null and shown as a dash.
type Counts struct {
	InSession   bool     `json:"in_session"`
	Offered     int      `json:"offered" doc:"K-01"`
	Answered    int      `json:"answered" doc:"K-02"`
	Abandoned   int      `json:"abandoned" doc:"K-03"`
	Short       int      `json:"short" doc:"K-04"`
	FlowOut     int      `json:"flow_out" doc:"K-05"`
	Answered15s int      `json:"answered_15s" doc:"Numerator of K-08 and K-09"`
	TalkMean    *float64 `json:"talk_s_avg" nullable:"true"`
	WaitMean    *float64 `json:"wait_s_avg" nullable:"true" doc:"K-10, of the answered"`
	WaitMax     *float64 `json:"wait_s_max" nullable:"true" doc:"K-12"`
}

// Callback is a task to call someone back.
type Callback struct {
	ID        string    `json:"id" format:"uuid"`
	Call      string    `json:"call" format:"uuid"`
	Masked    string    `json:"masked"`
	Place     string    `json:"place"`
	Reason    string    `json:"reason" doc:"How the call ended"`
	CreatedAt time.Time `json:"created_at"`
}

func card(c *telephony.Card) *Card {
	if c == nil {
		return nil
	}
	out := &Card{
		ID: string(c.ID), State: string(c.State), Masked: c.Masked, Place: c.Place, ArrivedAt: c.ArrivedAt, QueuedAt: orNull(c.QueuedAt),
		AnsweredAt: orNull(c.AnsweredAt), Seat: string(c.Seat), Muted: c.Muted, HeldAt: orNull(c.HeldAt), WrapUpUntil: orNull(c.WrapUpUntil), Version: c.Version,
		Outcome: string(c.Outcome),
	}
	if c.Offer != nil {
		out.Offer.Value = &Offer{ID: string(c.Offer.ID), OfferedAt: c.Offer.OfferedAt, ExpiresAt: c.Offer.ExpiresAt}
	}
	return out
}

func board(b telephony.Board, now time.Time) Board {
	out := Board{
		Position: b.Position, At: now.UTC(), Lines: make([]BoardLine, len(b.Lines)), Seats: make([]BoardSeat, len(b.Seats)),
		Counts: counts(b.Counts), Today: counts(b.Today),
	}
	for i, l := range b.Lines {
		out.Lines[i] = BoardLine{ID: string(l.ID), Name: l.Name, Waiting: make([]BoardCaller, len(l.Waiting))}
		for j, w := range l.Waiting {
			out.Lines[i].Waiting[j] = BoardCaller{
				Call: string(w.Call), Masked: w.Masked, Place: w.Place, QueuedAt: orNull(w.QueuedAt), State: string(w.State),
			}
		}
	}
	for i, s := range b.Seats {
		out.Seats[i] = seat(s, b.Words[s.Seat])
	}
	return out
}

func seat(s agent.SeatView, word telephony.Word) BoardSeat {
	return BoardSeat{
		ID: string(s.Seat), Label: s.Label, Kind: string(s.Kind), Line: string(s.Line), UnitName: s.UnitName,
		Person: person(s.Person, s.PersonName), Recorder: person(s.Recorder, s.RecorderName), Phone: string(s.Phone),
		Intent: string(s.Intent), RestCode: s.RestCode, RestUntil: orNull(s.RestUntil), Pending: string(s.Pending),
		Device: string(s.Device), IntentSince: s.Since, Version: s.Version, Work: string(s.Work), WorkSince: s.WorkSince,
		WrapUpUntil: orNull(s.Until), Call: s.Call, Offer: s.Offer, Misses: s.Misses, Shown: string(s.Shown()), CallState: string(word),
	}
}

func person(id agent.PersonID, name string) Maybe[BoardPerson] {
	if id == "" {
		return Maybe[BoardPerson]{}
	}
	return Maybe[BoardPerson]{&BoardPerson{ID: string(id), Name: name}}
}

func counts(c telephony.Counts) Counts {
	return Counts{
		InSession: c.InSession, Offered: c.Offered, Answered: c.Answered, Abandoned: c.Abandoned, Short: c.Short, FlowOut: c.FlowOut,
		Answered15s: c.InTarget, TalkMean: seconds(c.TalkMean), WaitMean: seconds(c.WaitMean), WaitMax: seconds(c.WaitMax),
	}
}

func callbacks(tasks []telephony.Task) []Callback {
	out := make([]Callback, len(tasks))
	for i, t := range tasks {
		out[i] = Callback{ID: t.ID, Call: string(t.Call), Masked: t.Masked, Place: t.Place, Reason: t.Reason, CreatedAt: t.CreatedAt}
	}
	return out
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
