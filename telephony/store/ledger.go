package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

const controller = "controller"

// Arrive inserts the call's row with its line, its place and the citizen's part, and gives the row that is there already for
// that channel. A call to a number that no line has is recorded without a line; a caller's number that is none is kept as
// anonymous: a call counts, whatever the carrier sent.
func (s *Store) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	id := string(a.ID)
	err := s.insert(ctx, epoch, a)
	if errors.Is(err, errResumed) { // by another call of the same number, in this moment: this one is a call of its own
		err = s.insert(ctx, epoch, a)
	}
	created := err == nil
	if errors.Is(err, errThere) {
		id, err = s.q.CallOfChannel(ctx, null(a.Channel))
	}
	if err != nil {
		return telephony.Call{}, false, fmt.Errorf("record arrival %s on %q: %w", a.ID, a.Dialled, notFound(err))
	}
	c, err := s.Call(ctx, telephony.CallID(id))
	return c, created, err
}

func (s *Store) insert(ctx context.Context, epoch int64, a telephony.Arrival) error {
	number, err := telephony.Normalise(string(a.Number))
	if err != nil {
		number = ""
	}
	sealed, index := s.vault.seal(a.ID, number)
	to, err := s.q.Destination(ctx, db.DestinationParams{NumIdx: index, Dialled: a.Dialled, UnfinishedSince: a.At.Add(-telephony.RedialWithin)})
	if err != nil {
		return err
	}
	topics, data := []string{"board", "call:" + string(a.ID)}, map[string]any{"line": to.Line}
	if to.Line != "" {
		topics = append(topics, "line:"+to.Line)
	}
	var seq *int64
	if to.Resumes != "" {
		data["resumes"], seq = to.Resumes, &to.Seq
	}
	facts, err := rows([]telephony.Fact{{Kind: "call.arrived", Subject: string(a.ID), Topics: topics, Data: data}}, controller, epoch, a.At)
	if err != nil {
		return err
	}
	caller, err := encode([]participantRow{participantRowOf(telephony.Participant{
		ID: telephony.ParticipantID(a.ID), Role: telephony.RoleCaller, Leg: a.Channel, State: telephony.StateUp, Since: a.At,
	})})
	if err != nil {
		return err
	}
	return s.write(ctx, epoch, facts, func(q *db.Queries) error {
		err := errors.Join(
			q.InsertCall(ctx, db.InsertCallParams{
				ID: string(a.ID), Channel: null(a.Channel), Entity: a.Entity, Line: null(to.Line), OfSession: to.OfSession, Dialled: a.Dialled,
				NumEnc: sealed, NumIdx: index, NumTail: number.Masked(), Place: number.Place(), Priority: to.Priority, Seq: seq,
				Resumes: null(to.Resumes), ArrivedAt: a.At, Epoch: epoch,
			}),
			q.PutParticipants(ctx, db.PutParticipantsParams{Call: string(a.ID), Participants: caller}))
		if to.Resumes != "" {
			err = errors.Join(err, q.CloseCallback(ctx, db.CloseCallbackParams{Call: to.Resumes, At: &a.At}))
		}
		return err
	})
}

// Save stores a change whole or not at all. ErrStale, ErrNotMaster, ErrSeatTaken, ErrUnstorable.
func (s *Store) Save(ctx context.Context, epoch int64, ch telephony.Change) error {
	facts, err := rows(ch.Facts, ch.Actor, epoch, ch.At)
	if err != nil {
		return fmt.Errorf("save call %s: %w", ch.After.ID, err)
	}
	err = s.write(ctx, epoch, facts, func(q *db.Queries) error { return change(ctx, q, epoch, ch) })
	if errors.Is(err, telephony.ErrStale) {
		err = s.unlessSaved(ctx, epoch, ch, err)
	}
	if err != nil {
		return fmt.Errorf("save call %s: %w", ch.After.ID, err)
	}
	return nil
}

// change queues the rows of one step, always in the order call, seats' intent, seats' work, offers, participants, segments,
// callback, line: who takes locks in one order cannot deadlock.
func change(ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change) error {
	c := ch.After
	err := q.UpdateCall(ctx, db.UpdateCallParams{
		ID: string(c.ID), Before: ch.Before.Version, Version: c.Version, Epoch: epoch, Phase: string(c.Phase), Channel: null(c.Channel),
		Line: null(c.Line), Priority: int32(c.Priority), QueuedAt: nullTime(c.QueuedAt), AnsweredAt: nullTime(c.AnsweredAt),
		EndedAt: nullTime(c.EndedAt), Outcome: null(c.Outcome), Cause: c.Cause, Seat: null(c.Seat), Entity: c.Entity,
	})
	opened := latest(ch.Opened, offerID)
	slices.SortStableFunc(opened, func(a, b telephony.Offer) int { return cmp.Compare(a.Seat, b.Seat) })
	for _, o := range opened {
		err = errors.Join(err, q.LockSeat(ctx, string(o.Seat)))
	}
	works := slices.Clone(ch.Work)
	slices.SortStableFunc(works, func(a, b telephony.SeatWork) int { return cmp.Compare(a.Seat, b.Seat) })
	for _, w := range works {
		err = errors.Join(err, work(ctx, q, c.ID, w, ch.At))
	}
	err = errors.Join(err, offers(ctx, q, epoch, ch, opened), participants(ctx, q, ch), segments(ctx, q, ch))
	if ch.Callback {
		id, idErr := uuid.NewV7()
		err = errors.Join(err, idErr, q.OpenCallback(ctx, db.OpenCallbackParams{ID: id.String(), Call: string(c.ID), At: ch.At}))
	}
	if m := ch.Moved; m != nil {
		err = errors.Join(err, q.InsertLineMove(ctx, db.InsertLineMoveParams{
			Call: string(c.ID), At: ch.At, FromLine: null(m.From), ToLine: string(m.To), Why: m.Why,
		}))
	}
	return err
}

// offers closes before it opens: a seat has one open offer at a time.
func offers(ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change, opened []telephony.Offer) error {
	var err error
	call := string(ch.After.ID)
	for _, o := range latest(ch.Closed, offerID) {
		err = errors.Join(err, q.UpdateOffer(ctx, db.UpdateOfferParams{
			ID: string(o.ID), Call: call, Kind: string(o.Kind), State: string(o.State), Reason: o.Reason, RingingAt: nullTime(o.RingingAt),
			ClosedAt: closedAt(o, ch.At),
		}))
	}
	for _, o := range opened {
		err = errors.Join(err, q.InsertOffer(ctx, db.InsertOfferParams{
			ID: string(o.ID), Call: call, Kind: string(o.Kind), Grp: string(o.Group), Participant: string(o.Part), Seat: string(o.Seat),
			Person: null(o.Person), Endpoint: o.Endpoint, State: string(o.State), Reason: o.Reason, OfferedAt: o.OfferedAt,
			RingingAt: nullTime(o.RingingAt), ExpiresAt: o.ExpiresAt, ClosedAt: closedAt(o, ch.At), Epoch: epoch,
		}))
	}
	return err
}

// closedAt is the time of the change when the core has not said when.
func closedAt(o telephony.Offer, at time.Time) *time.Time {
	if o.ClosedAt.IsZero() && o.State != telephony.OfferOpen {
		return &at
	}
	return nullTime(o.ClosedAt)
}

func offerID(o telephony.Offer) telephony.OfferID { return o.ID }

func participants(ctx context.Context, q *db.Queries, ch telephony.Change) error {
	parts := withCaller(ch)
	if len(parts) == 0 {
		return nil
	}
	out := make([]participantRow, len(parts))
	for i, p := range parts {
		out[i] = participantRowOf(p)
	}
	b, err := encode(out)
	return errors.Join(err, q.PutParticipants(ctx, db.PutParticipantsParams{Call: string(ch.After.ID), Participants: b}))
}

// withCaller are the participants to be stored: the core stores where the citizen is wanted with whatever else it stores.
func withCaller(ch telephony.Change) []telephony.Participant {
	same := func(id telephony.ParticipantID) func(telephony.Participant) bool {
		return func(p telephony.Participant) bool { return p.ID == id }
	}
	parts := latest(ch.Parts, func(p telephony.Participant) telephony.ParticipantID { return p.ID })
	for _, p := range ch.After.Parts {
		if p.Role != telephony.RoleCaller || slices.ContainsFunc(parts, same(p.ID)) {
			continue
		}
		if i := slices.IndexFunc(ch.Before.Parts, same(p.ID)); i < 0 || ch.Before.Parts[i].Want != p.Want {
			parts = append(parts, p)
		}
	}
	return parts
}

// segments have the end of the wrap-up that follows them.
func segments(ctx context.Context, q *db.Queries, ch telephony.Change) error {
	all := latest(ch.Segments, func(g telephony.Segment) telephony.ParticipantID { return g.ID })
	if len(all) == 0 {
		return nil
	}
	out := make([]segmentRow, len(all))
	for i, g := range all {
		out[i] = segmentRow{
			Ord: i, ID: g.ID, Seat: g.Seat, Person: g.Person, BeganAt: stamp(g.BeganAt), EndedAt: stamp(g.EndedAt), Why: g.Why,
		}
		for _, w := range ch.Work {
			if w.Seat == g.Seat && w.Work == agent.WorkWrapUp && !g.EndedAt.IsZero() {
				out[i].WrapUpUntil = stamp(w.Until)
			}
		}
	}
	b, err := encode(out)
	return errors.Join(err, q.PutSegments(ctx, db.PutSegmentsParams{Call: string(ch.After.ID), Segments: b}))
}

func work(ctx context.Context, q *db.Queries, call telephony.CallID, w telephony.SeatWork, at time.Time) error {
	seat, owner := string(w.Seat), null(call)
	switch w.Work {
	case agent.WorkOffered:
		return q.OccupySeat(ctx, db.OccupySeatParams{Seat: seat, Call: owner, Offer: null(w.Offer), At: at})
	case agent.WorkEngaged:
		return q.EngageSeat(ctx, db.EngageSeatParams{Seat: seat, Call: owner, At: at})
	case agent.WorkIdle, agent.WorkWrapUp:
		return q.LeaveSeat(ctx, db.LeaveSeatParams{
			Seat: seat, Call: owner, Work: string(w.Work), Until: nullTime(w.Until), At: at, Miss: w.Miss,
		})
	}
	return fmt.Errorf("seat %s: no such work: %q", w.Seat, w.Work)
}

// unlessSaved finds out whether a stale write is the repeat of one whose answer was lost. Only the call's actor writes its
// row in an epoch, so a row of our epoch with the version, the phase and the offers that we want is our own.
func (s *Store) unlessSaved(ctx context.Context, epoch int64, ch telephony.Change, stale error) error {
	c := ch.After
	named := latest(slices.Concat(ch.Opened, ch.Closed), offerID)
	offers := make([]string, len(named))
	for i, o := range named {
		offers[i] = string(o.ID)
	}
	row, err := s.q.CallVersion(ctx, db.CallVersionParams{ID: string(c.ID), Offers: offers})
	if err != nil {
		return notFound(err)
	}
	if row.Version == c.Version && row.Epoch == epoch && row.Phase == string(c.Phase) && text[agent.SeatID](row.Seat) == c.Seat &&
		text[telephony.Outcome](row.Outcome) == c.Outcome && int(row.Offers) == len(offers) {
		return nil
	}
	return stale
}

// EndWrapUp ends a seat's wrap-up; false when it was in none. ErrNotFound.
func (s *Store) EndWrapUp(ctx context.Context, epoch int64, seat agent.SeatID, actor string, at time.Time) (bool, error) {
	st, err := s.Seat(ctx, seat)
	if err != nil || st.Work != agent.WorkWrapUp {
		return false, err
	}
	facts, err := rows([]telephony.Fact{{
		Kind: "seat.work", Subject: string(seat), Topics: []string{"board", "line:" + string(st.Line), "seat:" + string(seat)},
		Data: map[string]any{"work": agent.WorkIdle},
	}}, actor, epoch, at)
	if err != nil {
		return false, err
	}
	err = s.write(ctx, epoch, facts, func(q *db.Queries) error {
		return q.EndWrapUp(ctx, db.EndWrapUpParams{Seat: string(seat), At: at})
	})
	if errors.Is(err, errNotInWrapUp) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("end wrap-up of seat %s: %w", seat, err)
	}
	return true, nil
}
