package store

import (
	"context"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// Call implements telephony.Ledger.
func (s *Store) Call(ctx context.Context, id telephony.CallID) (telephony.Call, error) {
	row, err := s.q.CallByID(ctx, db.CallByIDParams{ID: string(id), SessionLine: sessionLine})
	if err != nil {
		return telephony.Call{}, fmt.Errorf("load call %s: %w", id, missing(err))
	}
	return call(row), nil
}

// Open implements telephony.Ledger.
func (s *Store) Open(ctx context.Context) ([]telephony.Call, error) {
	found, err := s.q.OpenCalls(ctx, sessionLine)
	if err != nil {
		return nil, fmt.Errorf("load open calls: %w", err)
	}
	calls := make([]telephony.Call, len(found))
	for i, row := range found {
		calls[i] = call(db.CallByIDRow(row))
	}
	return calls, nil
}

func call(r db.CallByIDRow) telephony.Call {
	c := telephony.Call{
		ID: telephony.CallID(r.Call.ID), Channel: telephony.LegID(r.Call.Channel), Entity: r.Call.Entity,
		Line: text[agent.LineID](r.Call.Line), Session: text[string](r.Call.Session), Dialled: r.Call.Dialled, Masked: r.Call.NumTail,
		Place: r.Call.Place, State: telephony.State(r.Call.State), Seq: r.Call.Seq, Priority: int(r.Call.Priority),
		ArrivedAt: r.Call.ArrivedAt.UTC(), QueuedAt: utc(r.Call.QueuedAt), AnsweredAt: utc(r.Call.AnsweredAt),
		EndedAt: utc(r.Call.EndedAt), Outcome: text[telephony.Outcome](r.Call.Outcome), Cause: r.Call.Cause,
		Seat: text[agent.SeatID](r.Call.Seat), Epoch: r.Call.Epoch, Version: r.Call.Version,
		Rules: telephony.Rules{
			Ring: seconds(r.RingSeconds), WrapUp: seconds(r.WrapupSeconds), Grace: seconds(r.GraceSeconds),
			Notice: text[string](r.Notice), Open: r.Open,
		},
	}
	if r.OfferID != nil {
		c.Offer = &telephony.Offer{
			ID: telephony.OfferID(*r.OfferID), Leg: text[telephony.LegID](r.OfferLeg), Seat: text[agent.SeatID](r.OfferSeat),
			Person: text[agent.PersonID](r.OfferPerson), Phone: text[agent.Phone](r.Phone), Endpoint: text[string](r.Endpoint),
			State: text[telephony.OfferState](r.OfferState), Reason: text[string](r.OfferReason), OfferedAt: utc(r.OfferedAt),
			RingingAt: utc(r.RingingAt), ExpiresAt: utc(r.ExpiresAt), ClosedAt: utc(r.ClosedAt),
		}
	}
	return c
}

// Seat implements telephony.Ledger.
func (s *Store) Seat(ctx context.Context, id agent.SeatID) (agent.State, error) {
	r, err := s.q.SeatByID(ctx, string(id))
	if err != nil {
		return agent.State{}, fmt.Errorf("load seat %s: %w", id, missing(err))
	}
	st := r.SeatState
	return agent.State{
		Seat: id, Line: agent.LineID(r.Line), Person: text[agent.PersonID](st.Person), Recorder: text[agent.PersonID](st.Recorder),
		Client: st.Client, Phone: agent.Phone(st.Phone), Endpoint: st.Endpoint, Contact: st.Contact, HA1: st.Ha1,
		Intent: agent.Intent(st.Intent), RestCode: st.RestCode, RestUntil: utc(st.RestUntil), Pending: agent.Pending(st.Pending),
		Device: agent.Device(st.Device), Since: st.Since.UTC(), Version: st.Version, Kind: agent.SeatKind(r.Kind),
		Registered: st.Registered, RestMinutes: int(st.RestMinutes), Work: agent.Work(r.Work), WorkSince: r.WorkSince.UTC(), Until: utc(r.Until),
	}, nil
}

// WrapUps implements telephony.Ledger.
func (s *Store) WrapUps(ctx context.Context) ([]telephony.SeatWork, error) {
	found, err := s.q.WrapUps(ctx)
	if err != nil {
		return nil, fmt.Errorf("load wrap-ups: %w", err)
	}
	out := make([]telephony.SeatWork, len(found))
	for i, r := range found {
		out[i] = telephony.SeatWork{
			Seat: agent.SeatID(r.Seat), Work: agent.WorkWrapUp, Call: text[telephony.CallID](r.Call), Until: utc(r.Until),
		}
	}
	return out, nil
}

// Lines implements telephony.Ledger.
func (s *Store) Lines(ctx context.Context) ([]agent.LineID, error) {
	ids, err := s.q.Lines(ctx)
	if err != nil {
		return nil, fmt.Errorf("load lines: %w", err)
	}
	out := make([]agent.LineID, len(ids))
	for i, id := range ids {
		out[i] = agent.LineID(id)
	}
	return out, nil
}

// Ready implements telephony.Ledger.
func (s *Store) Ready(ctx context.Context, line agent.LineID) (map[agent.SeatID]time.Time, error) {
	found, err := s.q.ReadySeats(ctx, string(line))
	if err != nil {
		return nil, fmt.Errorf("load ready seats of line %s: %w", line, err)
	}
	out := make(map[agent.SeatID]time.Time, len(found))
	for _, r := range found {
		since := time.Time{}
		if r.Work == string(agent.WorkIdle) {
			since = r.Since.UTC()
		}
		out[agent.SeatID(r.Seat)] = since
	}
	return out, nil
}

// Number opens the number of a call, for whoever dials it or shows it by an audited act; empty when anonymous.
func (s *Store) Number(ctx context.Context, id telephony.CallID) (telephony.PhoneNumber, error) {
	sealed, err := s.q.CallNumber(ctx, string(id))
	if err != nil {
		return "", fmt.Errorf("load number of call %s: %w", id, missing(err))
	}
	return s.vault.open(id, sealed)
}

// seconds of a setting; none when the call has no line.
func seconds(n *int32) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}
