package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/command"
	"hotline/agent/policy"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// CloseCallback keeps somebody's word that a callback needs nobody any more, with its record and its fact. It is no decision about a call,
// so it knows no epoch: the row's own state is its fence. telephony.ErrNotFound, ErrTaskClosed: somebody else was first.
func (s *Store) CloseCallback(ctx context.Context, t telephony.TaskClosed) error {
	var facts []factlog.Fact
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := command.Begin(ctx, tx, ""); err != nil {
			return err
		}
		q := s.q.WithTx(tx)
		call, err := q.CloseCallback(ctx, db.CloseCallbackParams{ID: t.ID, State: string(t.State), At: &t.At})
		if errors.Is(err, pgx.ErrNoRows) {
			return whyNot(ctx, q, t.ID)
		}
		if err != nil {
			return err
		}
		if facts, err = rows([]telephony.Fact{t.Fact(telephony.CallID(call))}, t.Actor, 0, t.At); err != nil {
			return err
		}
		data, err := json.Marshal(map[string]any{"state": t.State, "call": call})
		if err != nil {
			return err
		}
		err = audit.Append(ctx, tx, audit.Record{
			At: t.At, Actor: t.Actor, Action: policy.EndCallback.String(), Subject: "callback:" + t.ID, Outcome: audit.Done, Reason: t.Note, Data: data,
		})
		if err != nil {
			return err
		}
		return factlog.Append(ctx, tx, facts...)
	})
	err = command.Over(ctx, err)
	if _, repeated := errors.AsType[*agent.RepeatedError](err); repeated {
		return nil
	}
	if err != nil {
		return fmt.Errorf("close callback %s: %w", t.ID, notFound(err))
	}
	s.told(facts)
	return nil
}

// whyNot tells a callback that is closed from one that there is not.
func whyNot(ctx context.Context, q *db.Queries, id string) error {
	if _, err := q.CallbackState(ctx, id); err != nil {
		return err
	}
	return telephony.ErrTaskClosed
}
