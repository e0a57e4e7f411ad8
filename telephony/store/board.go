package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// maxTasks bounds a list that people read.
const maxTasks = 500

// Desk reads a seat for its people; the call is left out for whom the database does not show it. ErrNotFound.
func (s *Store) Desk(ctx context.Context, seat agent.SeatID) (telephony.Desk, error) {
	head, err := factlog.Head(ctx, s.pool) // first: who resumes from it hears of a change twice rather than never
	if err != nil {
		return telephony.Desk{}, err
	}
	r, err := s.q.SeatCall(ctx, string(seat))
	if err != nil {
		return telephony.Desk{}, fmt.Errorf("read seat %s: %w", seat, notFound(err))
	}
	d := telephony.Desk{
		Position: head.String(), Person: text[agent.PersonID](r.Person), Recorder: text[agent.PersonID](r.Recorder),
		Deputy: text[agent.PersonID](r.Deputy),
	}
	if r.Call == nil {
		return d, nil
	}
	c, err := loadCall(ctx, s.q, telephony.CallID(*r.Call))
	if errors.Is(err, telephony.ErrNotFound) { // the reader has nothing to do with it
		return d, nil
	}
	if err != nil {
		return telephony.Desk{}, fmt.Errorf("read the call of seat %s: %w", seat, err)
	}
	d.Card = card(c, seat)
	d.Card.WrapUpUntil = timeOf(r.WrapupUntil)
	return d, nil
}

// SeatPeople reads who sits at a seat, and nothing else. ErrNotFound.
func (s *Store) SeatPeople(ctx context.Context, seat agent.SeatID) (telephony.Desk, error) {
	r, err := s.q.SeatPeople(ctx, string(seat))
	if err != nil {
		return telephony.Desk{}, fmt.Errorf("read the people of seat %s: %w", seat, notFound(err))
	}
	return telephony.Desk{
		Person: text[agent.PersonID](r.Person), Recorder: text[agent.PersonID](r.Recorder), Deputy: text[agent.PersonID](r.Deputy),
	}, nil
}

// card is a call as one of its seats sees it. An offer to come back to a conversation is answered by the page itself, and is
// none to decide on.
func card(c telephony.Call, seat agent.SeatID) *telephony.Card {
	card := &telephony.Card{
		ID: c.ID, State: c.Word(), Masked: c.Masked, Place: c.Place, ArrivedAt: c.ArrivedAt, QueuedAt: c.QueuedAt, AnsweredAt: c.AnsweredAt,
		Seat: seat, Outcome: c.Outcome, Version: c.Version,
	}
	for _, p := range c.Parts {
		card.Muted = card.Muted || p.Seat == seat && p.Muted
		if p.Role == telephony.RoleCaller && p.Want == telephony.RoomHold && c.Phase == telephony.PhaseServing {
			card.HeldAt = p.Since
		}
	}
	for _, o := range c.Offers {
		if o.Seat == seat && o.Kind != telephony.OfferResume {
			card.Offer = &telephony.Offer{
				ID: o.ID, Kind: o.Kind, Seat: seat, State: telephony.OfferOpen, OfferedAt: o.OfferedAt, ExpiresAt: o.ExpiresAt,
			}
		}
	}
	return card
}

// OfferHolding tells which seat an offer is for. ErrNotFound.
func (s *Store) OfferHolding(ctx context.Context, id telephony.OfferID) (telephony.Holding, error) {
	seat, err := s.q.OfferSeat(ctx, string(id))
	if err != nil {
		return telephony.Holding{}, fmt.Errorf("read offer %s: %w", id, notFound(err))
	}
	return telephony.Holding{Seat: agent.SeatID(seat)}, nil
}

// CallHolding tells which seat holds a call. ErrNotFound.
func (s *Store) CallHolding(ctx context.Context, id telephony.CallID) (telephony.Holding, error) {
	r, err := s.q.CallSeat(ctx, string(id))
	if err != nil {
		return telephony.Holding{}, fmt.Errorf("read the seat of call %s: %w", id, notFound(err))
	}
	return telephony.Holding{Seat: agent.SeatID(r.Seat), Version: r.Version}, nil
}

// Board reads the supervisors' board at one instant: a line and the seats that serve it never contradict each other.
func (s *Store) Board(ctx context.Context, now time.Time) (telephony.Board, error) {
	var b telephony.Board
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		head, err := factlog.Head(ctx, tx)
		if err != nil {
			return err
		}
		b.Position = head.String()
		q := s.q.WithTx(tx)
		open, err := loadCalls(ctx, q, nil)
		if err != nil {
			return err
		}
		if b.Lines, err = lines(ctx, q, open); err != nil {
			return err
		}
		b.Words = words(open)
		if b.Seats, err = seats(ctx, q); err != nil {
			return err
		}
		if b.Today, err = counts(ctx, q, now, nil); err != nil {
			return err
		}
		b.Counts = b.Today
		live, err := q.LiveSession(ctx)
		if err != nil || len(live) == 0 {
			return err
		}
		b.Counts, err = counts(ctx, q, now, &live[0])
		return err
	})
	if err != nil {
		return telephony.Board{}, fmt.Errorf("read the board: %w", err)
	}
	return b, nil
}

func lines(ctx context.Context, q *db.Queries, open []telephony.Call) ([]telephony.BoardLine, error) {
	names, err := q.BoardLines(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]telephony.BoardLine, len(names))
	for i, l := range names {
		out[i] = telephony.BoardLine{ID: agent.LineID(l.ID), Name: l.Name, Waiting: []telephony.BoardCaller{}}
		for _, c := range open {
			if c.Phase == telephony.PhaseWaiting && c.Line == out[i].ID {
				out[i].Waiting = append(out[i].Waiting, telephony.BoardCaller{
					Call: c.ID, Masked: c.Masked, Place: c.Place, QueuedAt: c.QueuedAt, State: c.Word(),
				})
			}
		}
	}
	return out, nil
}

func words(open []telephony.Call) map[agent.SeatID]telephony.Word {
	of := make(map[agent.SeatID]telephony.Word)
	for _, c := range open {
		if c.Phase == telephony.PhaseServing {
			for _, seat := range c.Seats() {
				of[seat] = c.Word()
			}
		}
	}
	return of
}

func seats(ctx context.Context, q *db.Queries) ([]agent.SeatView, error) {
	found, err := q.BoardSeats(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]agent.SeatView, len(found))
	for i, r := range found {
		out[i] = agent.SeatView{
			State: agent.State{
				Seat: agent.SeatID(r.Seat), Line: agent.LineID(r.Line), Person: text[agent.PersonID](r.Person),
				Recorder: agent.Side{Person: text[agent.PersonID](r.Recorder)}, Phone: agent.Phone(r.Phone), Intent: agent.Intent(r.Intent), RestCode: r.RestCode,
				RestUntil: timeOf(r.RestUntil), Pending: agent.Pending(r.Pending), Device: agent.Device(r.Device), Since: r.IntentSince.UTC(),
				Version: r.Version, Work: agent.Work(r.Work), WorkSince: r.WorkSince.UTC(), Until: timeOf(r.WrapupUntil),
				Kind: agent.SeatKind(r.Kind),
			},
			Label: r.Label, UnitName: r.UnitName, PersonName: r.PersonName, Names: map[agent.Place]string{agent.PlaceRecorder: r.RecorderName},
			Call: text[string](r.Call), Offer: text[string](r.Offer), Misses: int(r.Misses),
		}
	}
	return out, nil
}

// counts are of a session, or of today when session is nil.
func counts(ctx context.Context, q *db.Queries, now time.Time, session *string) (telephony.Counts, error) {
	r, err := q.Counts(ctx, db.CountsParams{Now: now, Session: session, Short: telephony.ShortAbandon, Target: telephony.AnswerTarget})
	if err != nil {
		return telephony.Counts{}, err
	}
	return telephony.Counts{
		InSession: session != nil, Offered: int(r.Offered), Answered: int(r.Answered), Abandoned: int(r.Abandoned), Short: int(r.Short),
		FlowOut: int(r.FlowOut), InTarget: int(r.AnsweredInTarget), TalkMean: of(r.Talked, r.TalkAvg),
		WaitMean: of(r.Answered, r.WaitAvg), WaitMax: of(r.Offered, r.WaitMax),
	}, nil
}

// of is a figure over n cases; over none there is no figure.
func of(n int64, secs float64) *time.Duration {
	if n == 0 {
		return nil
	}
	d := time.Duration(secs * float64(time.Second))
	return &d
}

// Gauges reads what each line shows between two facts.
func (s *Store) Gauges(ctx context.Context, now time.Time) ([]telephony.Gauge, error) {
	found, err := s.q.Gauges(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("read gauges: %w", err)
	}
	out := make([]telephony.Gauge, len(found))
	for i, r := range found {
		out[i] = telephony.Gauge{
			Line: agent.LineID(r.ID), Waiting: int(r.Waiting), Longest: max(0, now.Sub(r.Oldest)), Ready: int(r.Ready), Talking: int(r.Talking),
			Seated: int(r.Seated),
		}
	}
	return out, nil
}

// Callbacks lists the tasks in a state, oldest first, as far as somebody's right goes.
func (s *Store) Callbacks(ctx context.Context, reach policy.Reach, state string) ([]telephony.Task, error) {
	found, err := s.q.Callbacks(ctx, db.CallbacksParams{State: state, Scope: reach.Scope.String(), Unit: reach.Unit, Max: maxTasks})
	if err != nil {
		return nil, fmt.Errorf("list callbacks: %w", err)
	}
	out := make([]telephony.Task, len(found))
	for i, r := range found {
		out[i] = telephony.Task{
			ID: r.ID, Call: telephony.CallID(r.Call), Masked: r.NumTail, Place: r.Place, Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(),
		}
	}
	return out, nil
}
