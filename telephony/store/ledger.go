package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

const controller = "controller"

// Arrive inserts the call's row with its line, its place and the citizen's part, and gives the row that is there already for
// that channel of that run of the exchange. A call to a number that no line has is recorded without a line; a caller's number that
// is none is kept as anonymous: a call counts, whatever the carrier sent.
func (s *Store) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	var c telephony.Call
	var err error
	if a.Entity == "" {
		err = s.unlessThere(ctx, a.Channel)
	}
	if err == nil {
		c, err = s.insert(ctx, epoch, a)
	}
	if errors.Is(err, errResumed) { // by another call of the same number, in this moment: this one is a call of its own
		c, err = s.insert(ctx, epoch, a)
	}
	if err == nil {
		s.told(nil)
		return c, true, nil
	}
	if errors.Is(err, errThere) {
		var id string
		if id, err = s.q.CallOfChannel(ctx, db.CallOfChannelParams{Channel: null(a.Channel), Entity: a.Entity}); err == nil {
			c, err = s.Call(ctx, telephony.CallID(id))
			return c, false, err
		}
	}
	return telephony.Call{}, false, fmt.Errorf("record arrival %s on %q: %w", a.ID, a.Dialled, notFound(err))
}

// unlessThere is errThere when the channel has a row of whichever run of the exchange: of which it is, is not known.
func (s *Store) unlessThere(ctx context.Context, channel telephony.LegID) error {
	switch _, err := s.q.CallOfChannel(ctx, db.CallOfChannelParams{Channel: null(channel)}); {
	case err == nil:
		return errThere
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	default:
		return err
	}
}

// insert writes the row and reads what it has become, in one statement.
func (s *Store) insert(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, error) {
	number, err := telephony.Normalise(string(a.Number))
	if err != nil {
		number = ""
	}
	sealed, index := s.vault.Seal(string(a.ID), string(number)), s.vault.Index(string(number))
	r, err := s.q.InsertCall(ctx, db.InsertCallParams{
		ID: string(a.ID), Channel: null(a.Channel), Entity: a.Entity, Dialled: a.Dialled, NumEnc: sealed, NumIdx: index, NumTail: number.Masked(),
		Place: number.Place(), ArrivedAt: a.At, UnfinishedSince: a.At.Add(-telephony.RedialWithin), Epoch: epoch, Actor: controller,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return telephony.Call{}, telephony.ErrNotMaster
	case err != nil:
		return telephony.Call{}, refusal(err)
	}
	c := telephony.Call{
		ID: a.ID, Channel: a.Channel, Entity: a.Entity, Line: agent.LineID(r.Line), Session: r.Session, Dialled: a.Dialled, Masked: number.Masked(),
		Place: number.Place(), Phase: telephony.PhaseArrived, Seq: r.Seq, Priority: int(r.Priority), ArrivedAt: stamp(a.At).UTC(),
		Resumes: telephony.CallID(r.Resumes), Prefer: agent.SeatID(r.Prefer), Epoch: epoch, Version: 1,
		Rules: telephony.Rules{Open: r.Open},
		Parts: []telephony.Participant{{
			ID: telephony.ParticipantID(a.ID), Role: telephony.RoleCaller, Leg: a.Channel, State: telephony.StateUp, Since: stamp(a.At).UTC(),
		}},
	}
	return c, s.rule(ctx, &c)
}

// Save stores changes, all of them whole or none: what ends at a seat and what begins there is one step. ErrStale, ErrNotMaster,
// ErrSeatTaken, ErrUnstorable, ErrNoWrapUp.
func (s *Store) Save(ctx context.Context, epoch int64, changes ...telephony.Change) error {
	var p pipeline
	var facts []factlog.Fact
	for _, ch := range changes {
		told, err := rows(ch.Facts, ch.Actor, epoch, ch.At)
		if err != nil {
			return fmt.Errorf("save call %s: %w", ch.After.ID, err)
		}
		facts = append(facts, told...)
	}
	err := queue(ctx, db.New(&p), epoch, changes)
	if err == nil {
		factlog.Queue(&p.batch, facts...)
		err = refusal(s.pool.SendBatch(ctx, &p.batch).Close())
	}
	if errors.Is(err, telephony.ErrStale) && len(changes) == 1 {
		err = s.unlessSaved(ctx, epoch, changes[0], err)
	}
	if err != nil {
		return fmt.Errorf("save call %s: %w", changes[0].After.ID, err)
	}
	s.told(facts)
	return nil
}

// queue queues the rows of changes, always in the order calls, offers that close, seats that are taken, other seats' work, the
// rest: who takes locks in one order cannot deadlock, and a seat has one open offer at a time.
func queue(ctx context.Context, q *db.Queries, epoch int64, changes []telephony.Change) error {
	var err error
	held := false
	for _, ch := range changes {
		if ch.Freed == "" {
			err, held = errors.Join(err, saveCall(ctx, q, epoch, ch)), true
		}
	}
	if !held {
		err = errors.Join(err, q.HoldEpoch(ctx, epoch))
	}
	for _, ch := range changes {
		err = errors.Join(err, closeOffers(ctx, q, ch))
	}
	taken := make(map[agent.SeatID]bool)
	for _, ch := range changes {
		err = errors.Join(err, openOffers(ctx, q, epoch, ch, changes, taken))
	}
	for _, ch := range changes {
		err = errors.Join(err, works(ctx, q, ch, taken), aside(ctx, q, ch))
	}
	return err
}

func saveCall(ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change) error {
	c := ch.After
	parts, err := participants(ch)
	segs, segErr := segments(ch)
	return errors.Join(err, segErr, q.SaveCall(ctx, db.SaveCallParams{
		ID: string(c.ID), Before: ch.Before.Version, Version: c.Version, Epoch: epoch, Phase: string(c.Phase), Channel: null(c.Channel),
		Line: null(c.Line), Priority: int32(c.Priority), QueuedAt: nullTime(c.QueuedAt), AnsweredAt: nullTime(c.AnsweredAt),
		EndedAt: nullTime(c.EndedAt), Outcome: null(c.Outcome), Cause: c.Cause, Seat: null(c.Seat), Entity: c.Entity,
		Participants: parts, Segments: segs,
	}))
}

func closeOffers(ctx context.Context, q *db.Queries, ch telephony.Change) error {
	var err error
	for _, o := range latest(ch.Closed, offerID) {
		err = errors.Join(err, q.UpdateOffer(ctx, db.UpdateOfferParams{
			ID: string(o.ID), Call: string(ch.After.ID), Kind: string(o.Kind), State: string(o.State), Reason: o.Reason, RingingAt: nullTime(o.RingingAt),
			ClosedAt: closedAt(o, ch.At),
		}))
	}
	return err
}

// openOffers take their seats, in the order of those.
func openOffers(
	ctx context.Context, q *db.Queries, epoch int64, ch telephony.Change, all []telephony.Change, taken map[agent.SeatID]bool,
) error {
	var err error
	opened := latest(ch.Opened, offerID)
	slices.SortStableFunc(opened, func(a, b telephony.Offer) int { return cmp.Compare(a.Seat, b.Seat) })
	for _, o := range opened {
		row := db.TakeSeatParams{
			ID: null(o.ID), Call: null(ch.After.ID), Kind: string(o.Kind), Grp: string(o.Group), Participant: string(o.Part), Seat: string(o.Seat),
			Person: null(o.Person), Endpoint: o.Endpoint, State: string(o.State), Reason: o.Reason, OfferedAt: o.OfferedAt,
			RingingAt: nullTime(o.RingingAt), ExpiresAt: o.ExpiresAt, ClosedAt: closedAt(o, ch.At), Epoch: epoch, At: ch.At,
		}
		if o.Kind == telephony.OfferResume {
			err = errors.Join(err, q.OfferBack(ctx, offerBack(row)))
			continue
		}
		for _, other := range all { // who leaves the seat in the same moment
			if seat, leaves := other.Leaves(); leaves && seat == o.Seat {
				row.Leaves, row.Wrapped = null(other.After.ID), null(other.Wrapped)
			}
		}
		if row.Wrapped != nil {
			err = errors.Join(err, q.WrapUpEnded(ctx, db.WrapUpEndedParams{Seat: row.Seat, At: &ch.At}))
		}
		err = errors.Join(err, q.TakeSeat(ctx, row))
		taken[o.Seat] = true
	}
	return err
}

func offerBack(r db.TakeSeatParams) db.OfferBackParams {
	return db.OfferBackParams{
		ID: *r.ID, Call: *r.Call, Kind: r.Kind, Grp: r.Grp, Participant: r.Participant, Seat: r.Seat, Person: r.Person, Endpoint: r.Endpoint,
		State: r.State, Reason: r.Reason, OfferedAt: r.OfferedAt, RingingAt: r.RingingAt, ExpiresAt: r.ExpiresAt, ClosedAt: r.ClosedAt, Epoch: r.Epoch,
	}
}

// aside are the rows beside a call's own: the task to call back, and the history of its lines.
func aside(ctx context.Context, q *db.Queries, ch telephony.Change) error {
	var err error
	call := string(ch.After.ID)
	if ch.Callback {
		id, idErr := uuid.NewV7()
		err = errors.Join(idErr, q.OpenCallback(ctx, db.OpenCallbackParams{ID: id.String(), Call: call, At: ch.At}))
	}
	if m := ch.Moved; m != nil {
		err = errors.Join(err, q.InsertLineMove(ctx, db.InsertLineMoveParams{
			Call: call, At: ch.At, FromLine: null(m.From), ToLine: string(m.To), Why: m.Why,
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

// participants are nothing when there is nothing to store of them; segments too.
func participants(ch telephony.Change) ([]byte, error) {
	parts := withCaller(ch)
	if len(parts) == 0 {
		return nil, nil
	}
	out := make([]participantRow, len(parts))
	for i, p := range parts {
		out[i] = participantRowOf(p)
	}
	return encode(out)
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
func segments(ch telephony.Change) ([]byte, error) {
	all := latest(ch.Segments, func(g telephony.Segment) telephony.ParticipantID { return g.ID })
	if len(all) == 0 {
		return nil, nil
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
	return encode(out)
}

// works says what seats do from now on, but for those that are taken for an offer: that says it.
func works(ctx context.Context, q *db.Queries, ch telephony.Change, taken map[agent.SeatID]bool) error {
	if ch.Freed != "" && !taken[ch.Freed] {
		seat := string(ch.Freed)
		return errors.Join(q.WrapUpEnded(ctx, db.WrapUpEndedParams{Seat: seat, At: &ch.At}), q.EndWrapUp(ctx, db.EndWrapUpParams{Seat: seat, Call: null(ch.Wrapped), At: ch.At}))
	}
	var err error
	all := slices.Clone(ch.Work)
	slices.SortStableFunc(all, func(a, b telephony.SeatWork) int { return cmp.Compare(a.Seat, b.Seat) })
	for _, w := range all {
		if !taken[w.Seat] {
			err = errors.Join(err, work(ctx, q, ch.After.ID, w, ch.At))
		}
	}
	return err
}

func work(ctx context.Context, q *db.Queries, call telephony.CallID, w telephony.SeatWork, at time.Time) error {
	seat, owner := string(w.Seat), null(call)
	switch w.Work {
	case agent.WorkOffered:
		return fmt.Errorf("seat %s: offered without an offer", w.Seat)
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
