package httpapi

import (
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// Card is a call as its seat shows it, before and after the answer.
type Card struct {
	ID          string     `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	State       string     `json:"state" enum:"arrived,screening,queued,offered,talking,held,consulting,conference,transferring,reconnecting,ended" example:"arrived" doc:"The one word for what the call is doing (保持 is held)"`
	Masked      string     `json:"masked" example:"138****5678" doc:"138****5678; empty: anonymous"`
	Place       string     `json:"place" example:"安徽省合肥市" doc:"By area code; empty: unknown"`
	ArrivedAt   time.Time  `json:"arrived_at" example:"2026-11-26T00:30:00Z"`
	QueuedAt    *time.Time `json:"queued_at" example:"2026-11-26T00:30:00Z"`
	AnsweredAt  *time.Time `json:"answered_at" example:"2026-11-26T00:30:00Z"`
	Seat        string     `json:"seat" example:"A01"`
	HeldAt      *time.Time `json:"held_at" example:"2026-11-26T00:30:00Z" doc:"Since when the citizen is on hold"`
	Muted       bool       `json:"muted" example:"true" doc:"The person who speaks at the seat is not heard"`
	Offer       *Offer     `json:"offer"`
	WrapUpUntil *time.Time `json:"wrapup_until" example:"2026-11-26T00:30:00Z"`
	Version     int64      `json:"version" example:"3"`
	Outcome     string     `json:"outcome" enum:",answered_official,answered_operator,registered_callback,abandoned_on_hold,abandoned_in_queue,abandoned_short,abandoned_ringing,closed_before_turn,out_of_scope,blocked,system_failure" example:"answered_official" doc:"How the call ended; empty while it goes on"`
}

// Offer is the open offer of a card.
type Offer struct {
	ID        string    `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	OfferedAt time.Time `json:"offered_at" example:"2026-11-26T00:30:00Z"`
	ExpiresAt time.Time `json:"expires_at" example:"2026-11-26T00:30:00Z"`
}

// Board is the supervisors' board.
type Board struct {
	Position string      `json:"position" example:"7301-88" doc:"Place in the fact log from which to resume"`
	At       time.Time   `json:"at" example:"2026-11-26T00:30:00Z"`
	Lines    []BoardLine `json:"lines"`
	Seats    []BoardSeat `json:"seats"`
	Counts   Counts      `json:"counts" doc:"Of the live session, or of today when there is none"`
	Today    Counts      `json:"today"`
}

// BoardLine is a line with who waits, first to be served first.
type BoardLine struct {
	ID      string        `json:"id" example:"A01"`
	Name    string        `json:"name" example:"王五"`
	Waiting []BoardCaller `json:"waiting"`
}

// BoardCaller waits in a line, or is being offered.
type BoardCaller struct {
	Call     string     `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Masked   string     `json:"masked" example:"138****5678"`
	Place    string     `json:"place" example:"安徽省合肥市"`
	QueuedAt *time.Time `json:"queued_at" example:"2026-11-26T00:30:00Z"`
	State    string     `json:"state" enum:"arrived,screening,queued,offered,talking,held,consulting,conference,transferring,reconnecting,ended" example:"arrived"`
}

// BoardPerson sits at a seat.
type BoardPerson struct {
	ID   string `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Name string `json:"name" example:"王五"`
}

// BoardSeat is a seat with its four facts and the word that is shown for them.
type BoardSeat struct {
	ID          string       `json:"id" example:"A01"`
	Label       string       `json:"label" example:"1号席"`
	Kind        string       `json:"kind" enum:"official,operator" example:"official"`
	Line        string       `json:"line" example:"session"`
	UnitName    string       `json:"unit_name" example:"省教育厅"`
	Person      *BoardPerson `json:"person"`
	Recorder    *BoardPerson `json:"recorder"`
	Phone       string       `json:"phone" enum:"browser,sip" example:"browser"`
	Intent      string       `json:"intent" enum:"ready,rest,busy" example:"ready"`
	RestCode    string       `json:"rest_code" example:"break"`
	RestUntil   *time.Time   `json:"rest_until" example:"2026-11-26T00:30:00Z"`
	Pending     string       `json:"pending" enum:",rest,busy,sign_out" example:"rest"`
	Device      string       `json:"device" enum:"ok,unregistered,media_failed,unknown" example:"ok"`
	IntentSince time.Time    `json:"intent_since" example:"2026-11-26T00:30:00Z"`
	Version     int64        `json:"version" example:"3"`
	Work        string       `json:"work" enum:"idle,offered,engaged,wrap_up" example:"idle"`
	WorkSince   time.Time    `json:"work_since" example:"2026-11-26T00:30:00Z"`
	WrapUpUntil *time.Time   `json:"wrapup_until" example:"2026-11-26T00:30:00Z"`
	Call        string       `json:"call" example:"019ac000-0000-7000-8000-000000000001"`
	Offer       string       `json:"offer" example:"019ac000-0000-7000-8000-000000000001"`
	Misses      int          `json:"misses" example:"0"`
	Shown       string       `json:"shown" enum:"signed_out,ready,ringing,talking,wrap_up,rest,busy,device_failed,pending_rest,pending_sign_out" example:"signed_out"`
	CallState   string       `json:"call_state" enum:",talking,held,consulting,conference,transferring,reconnecting" example:"talking" doc:"Word of the call that the seat serves; empty: none"`
}

// Counts are the K-figures; an average of nothing is null and shown as a dash.
type Counts struct {
	InSession   bool     `json:"in_session" example:"true"`
	Offered     int      `json:"offered" example:"45" doc:"K-01"`
	Answered    int      `json:"answered" example:"41" doc:"K-02"`
	Abandoned   int      `json:"abandoned" example:"3" doc:"K-03"`
	Short       int      `json:"short" example:"2" doc:"K-04"`
	FlowOut     int      `json:"flow_out" example:"1" doc:"K-05"`
	Answered15s int      `json:"answered_15s" example:"39" doc:"Numerator of K-08 and K-09"`
	TalkMean    *float64 `json:"talk_s_avg" example:"212.5"`
	WaitMean    *float64 `json:"wait_s_avg" example:"8.2" doc:"K-10, of the answered"`
	WaitMax     *float64 `json:"wait_s_max" example:"61" doc:"K-12"`
}

// Callback is a task to call someone back.
type Callback struct {
	ID        string    `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Call      string    `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Masked    string    `json:"masked" example:"138****5678"`
	Place     string    `json:"place" example:"安徽省合肥市"`
	Reason    string    `json:"reason" enum:"answered_official,answered_operator,registered_callback,abandoned_on_hold,abandoned_in_queue,abandoned_short,abandoned_ringing,closed_before_turn,out_of_scope,blocked,system_failure" example:"answered_official" doc:"How the call ended"`
	CreatedAt time.Time `json:"created_at" example:"2026-11-26T00:30:00Z"`
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
		out.Offer = &Offer{ID: string(c.Offer.ID), OfferedAt: c.Offer.OfferedAt, ExpiresAt: c.Offer.ExpiresAt}
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
		Person: person(s.Person, s.PersonName), Recorder: person(s.Recorder.Person, s.Names[agent.PlaceRecorder]), Phone: string(s.Phone),
		Intent: string(s.Intent), RestCode: s.RestCode, RestUntil: orNull(s.RestUntil), Pending: string(s.Pending),
		Device: string(s.Device), IntentSince: s.Since, Version: s.Version, Work: string(s.Work), WorkSince: s.WorkSince,
		WrapUpUntil: orNull(s.Until), Call: s.Call, Offer: s.Offer, Misses: s.Misses, Shown: string(s.Shown()), CallState: string(word),
	}
}

func person(id agent.PersonID, name string) *BoardPerson {
	if id == "" {
		return nil
	}
	return &BoardPerson{ID: string(id), Name: name}
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
