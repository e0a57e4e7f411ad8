package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

const controller = "controller"

// Arrive implements telephony.Ledger. A call to a number that no line has is recorded without a line; a caller's number that
// is none is kept as anonymous: a call counts, whatever the carrier sent.
func (s *Store) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	id, err := s.insert(ctx, epoch, a)
	created := err == nil
	if errors.Is(err, errThere) {
		id, err = s.q.CallOfChannel(ctx, string(a.Channel))
	}
	if err != nil {
		return telephony.Call{}, false, fmt.Errorf("record arrival %s on %q: %w", a.ID, a.Dialled, missing(err))
	}
	c, err := s.Call(ctx, telephony.CallID(id))
	return c, created, err
}

func (s *Store) insert(ctx context.Context, epoch int64, a telephony.Arrival) (string, error) {
	number, err := telephony.Normalise(string(a.Number))
	if err != nil {
		number = ""
	}
	sealed, index := s.vault.seal(a.ID, number)
	line, err := s.q.LineOfNumber(ctx, a.Dialled)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	topics := []string{"board", "call:" + string(a.ID)}
	if line != "" {
		topics = append(topics, "line:"+line)
	}
	facts, err := rows([]telephony.Fact{{
		Kind: "call.arrived", Subject: string(a.ID), Topics: topics, Data: map[string]any{"line": line},
	}}, controller, epoch, a.At)
	if err != nil {
		return "", err
	}
	return string(a.ID), s.write(ctx, epoch, facts, func(q *db.Queries) error {
		return errors.Join(
			q.InsertCall(ctx, db.InsertCallParams{
				ID: string(a.ID), Channel: string(a.Channel), Entity: a.Entity, Line: orNull(line), Dialled: a.Dialled, NumEnc: sealed, NumIdx: index,
				NumTail: number.Masked(), Place: number.Place(), ArrivedAt: a.At, Epoch: epoch, SessionLine: sessionLine,
			}),
			q.PutLeg(ctx, db.PutLegParams{Channel: string(a.Channel), Call: string(a.ID), Role: "caller"}))
	})
}

// Save implements telephony.Ledger.
func (s *Store) Save(ctx context.Context, epoch int64, ch telephony.Change) error {
	facts, err := rows(ch.Facts, ch.Actor, epoch, ch.At)
	if err != nil {
		return fmt.Errorf("save call %s: %w", ch.After.ID, err)
	}
	err = s.write(ctx, epoch, facts, func(q *db.Queries) error { return change(ctx, q, epoch, ch) })
	if errors.Is(err, telephony.ErrStale) {
		err = s.unlessSaved(ctx, epoch, ch.After, err)
	}
	if err != nil {
		return fmt.Errorf("save call %s: %w", ch.After.ID, err)
	}
	return nil
}

// change queues the rows of one step, always in the order call, seat's intent, seat's work, offer: who takes locks in one
// order cannot deadlock.
func change(ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change) error {
	c := ch.After
	err := q.UpdateCall(ctx, db.UpdateCallParams{
		ID: string(c.ID), Before: ch.Before.Version, Version: c.Version, Epoch: epoch, State: string(c.State),
		Priority: int32(c.Priority), QueuedAt: timeOrNull(c.QueuedAt), AnsweredAt: timeOrNull(c.AnsweredAt),
		EndedAt: timeOrNull(c.EndedAt), Outcome: orNull(c.Outcome), Cause: c.Cause, Seat: orNull(c.Seat), Offer: offerOf(c),
		Entity: c.Entity,
	})
	fresh := ch.Offer != nil && ch.Offer.State == telephony.OfferOpen && (ch.Before.Offer == nil || ch.Before.Offer.ID != ch.Offer.ID)
	if fresh {
		err = errors.Join(err, q.LockSeat(ctx, string(ch.Offer.Seat)))
	}
	for _, w := range ch.Work {
		err = errors.Join(err, work(ctx, q, c.ID, w, ch.At))
	}
	if ch.Offer != nil {
		err = errors.Join(err, offer(ctx, q, epoch, ch, fresh))
	}
	for _, l := range ch.Legs {
		err = errors.Join(err, q.PutLeg(ctx, db.PutLegParams{
			Channel: string(l.Channel), Call: string(c.ID), Role: l.Role, Seat: orNull(l.Seat),
			JoinedAt: timeOrNull(l.Joined), LeftAt: timeOrNull(l.Left), Cause: l.Cause,
		}))
	}
	if ch.Callback {
		id, idErr := uuid.NewV7()
		err = errors.Join(err, idErr, q.OpenCallback(ctx, db.OpenCallbackParams{ID: id.String(), Call: string(c.ID), At: ch.At}))
	}
	return err
}

func offer(ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change, fresh bool) error {
	o := *ch.Offer
	if fresh {
		leg := o.Leg
		if leg == "" {
			leg = telephony.LegID(o.ID)
		}
		return q.InsertOffer(ctx, db.InsertOfferParams{
			ID: string(o.ID), Call: string(ch.After.ID), Seat: string(o.Seat), Reason: o.Reason, OfferedAt: o.OfferedAt,
			RingingAt: timeOrNull(o.RingingAt), ExpiresAt: o.ExpiresAt, Epoch: epoch, Leg: string(leg),
		})
	}
	closed := o.ClosedAt
	if closed.IsZero() && o.State != telephony.OfferOpen {
		closed = ch.At
	}
	return q.UpdateOffer(ctx, db.UpdateOfferParams{
		ID: string(o.ID), Call: string(ch.After.ID), Before: string(telephony.OfferOpen), State: string(o.State), Reason: o.Reason,
		RingingAt: timeOrNull(o.RingingAt), ClosedAt: timeOrNull(closed), Leg: string(o.Leg),
	})
}

func work(ctx context.Context, q *db.Queries, call telephony.CallID, w telephony.SeatWork, at time.Time) error {
	seat, owner := string(w.Seat), orNull(call)
	switch w.Work {
	case agent.WorkOffered:
		return q.OccupySeat(ctx, db.OccupySeatParams{Seat: seat, Call: owner, Offer: orNull(w.Offer), At: at})
	case agent.WorkEngaged:
		return q.EngageSeat(ctx, db.EngageSeatParams{Seat: seat, Call: owner, At: at})
	case agent.WorkIdle, agent.WorkWrapUp:
		return q.LeaveSeat(ctx, db.LeaveSeatParams{
			Seat: seat, Call: owner, Work: string(w.Work), Until: timeOrNull(w.Until), At: at, Miss: w.Miss,
		})
	}
	return fmt.Errorf("seat %s: no such work: %q", w.Seat, w.Work)
}

// offerOf is the offer whose leg the call holds or wants: open, or accepted and not over.
func offerOf(c telephony.Call) *string {
	if c.Offer == nil || c.State == telephony.StateEnded {
		return nil
	}
	return orNull(c.Offer.ID)
}

// unlessSaved finds out whether a stale write is the repeat of one whose answer was lost. Only the call's actor writes its
// row in an epoch, so a row of our epoch with the version and the state that we want is our own.
func (s *Store) unlessSaved(ctx context.Context, epoch int64, c telephony.Call, stale error) error {
	row, err := s.q.CallVersion(ctx, string(c.ID))
	if err != nil {
		return missing(err)
	}
	if row.Version == c.Version && row.Epoch == epoch && row.State == string(c.State) && text[string](row.Offer) == text[string](offerOf(c)) &&
		text[agent.SeatID](row.Seat) == c.Seat && text[telephony.Outcome](row.Outcome) == c.Outcome {
		return nil
	}
	return stale
}

// Idle implements telephony.Ledger.
func (s *Store) Idle(ctx context.Context, epoch int64, seat agent.SeatID, actor string, at time.Time) (agent.State, bool, error) {
	st, err := s.Seat(ctx, seat)
	if err != nil || st.Work != agent.WorkWrapUp {
		return st, false, err
	}
	facts, err := rows([]telephony.Fact{{
		Kind: "seat.work", Subject: string(seat), Topics: []string{"board", "line:" + string(st.Line), "seat:" + string(seat)},
		Data: map[string]any{"work": agent.WorkIdle},
	}}, actor, epoch, at)
	if err != nil {
		return agent.State{}, false, err
	}
	err = s.write(ctx, epoch, facts, func(q *db.Queries) error {
		return q.EndWrapUp(ctx, db.EndWrapUpParams{Seat: string(seat), At: at})
	})
	ended := !errors.Is(err, errNotInWrapUp)
	if err != nil && ended {
		return agent.State{}, false, fmt.Errorf("end wrap-up of seat %s: %w", seat, err)
	}
	st, err = s.Seat(ctx, seat)
	return st, ended, err
}
