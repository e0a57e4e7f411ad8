package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/command"
	"hotline/agent/policy"
	"hotline/agent/setting"
	"hotline/agent/store/db"
	"hotline/realtime/factlog"
)

var _ setting.Store = (*Store)(nil)

// SettingChanged is the kind of the fact that tells of a version: proposed, approved or withdrawn.
const SettingChanged = "setting.changed"

// Settings loads every version of every setting.
func (s *Store) Settings(ctx context.Context) (setting.Book, error) {
	return settings(ctx, s.q)
}

func settings(ctx context.Context, q *db.Queries) (setting.Book, error) {
	found, err := q.Settings(ctx)
	if err != nil {
		return setting.Book{}, fmt.Errorf("load settings: %w", err)
	}
	all := make([]setting.Version, len(found))
	for i, r := range found {
		all[i] = version(r)
	}
	return setting.NewBook(all), nil
}

func version(r db.Setting) setting.Version {
	return setting.Version{
		Key: setting.Key(r.Key), Scope: r.Scope, Number: int(r.Version), Value: r.Value, EffectiveFrom: r.EffectiveFrom.UTC(), InForceFrom: utc(r.InForceFrom),
		Author: r.Author, Reason: r.Reason, ProposedAt: r.ProposedAt.UTC(), Approver: text[string](r.Approver), ApprovedAt: utc(r.ApprovedAt),
		Withdrawer: text[string](r.Withdrawer), WithdrawnAt: utc(r.WithdrawnAt), WithdrawnWhy: r.WithdrawnWhy,
	}
}

// SettingNames are the names of lines and of the people whom versions name, by line:<id> and person:<uuid>.
func (s *Store) SettingNames(ctx context.Context) (map[string]string, error) {
	found, err := s.q.SettingNames(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the names in settings: %w", err)
	}
	names := make(map[string]string, len(found))
	for _, r := range found {
		names[r.Who] = r.Name
	}
	return names, nil
}

// Add writes the version that decide makes. setting.ErrStale, setting.ErrWaits, setting.ErrNotFound, *agent.RepeatedError, and whatever
// decide returns.
func (s *Store) Add(ctx context.Context, action policy.Action, decide func(setting.Book) (v setting.Version, before string, err error)) error {
	err := s.tellSetting(ctx, func(q *db.Queries) (setting.Version, setting.Act, error) {
		book, err := settings(ctx, q)
		if err != nil {
			return setting.Version{}, setting.Act{}, err
		}
		v, before, err := decide(book)
		if err != nil {
			return v, setting.Act{}, err
		}
		n, err := q.InsertSetting(ctx, db.InsertSettingParams{
			Key: string(v.Key), Scope: v.Scope, Version: int32(v.Number), Value: v.Value, EffectiveFrom: v.EffectiveFrom, InForceFrom: timeOrNull(v.InForceFrom),
			Author: v.Author, Reason: v.Reason, ProposedAt: v.ProposedAt,
		})
		if err == nil && n == 0 {
			err = setting.ErrNotFound
		}
		return v, setting.Act{Actor: v.Author, Action: action, What: "proposed", Before: before, At: v.ProposedAt}, err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == codeUnique {
		if err = setting.ErrStale; pg.ConstraintName == "setting_waits" {
			err = setting.ErrWaits
		}
	}
	if err != nil {
		return fmt.Errorf("add a version of a setting: %w", err)
	}
	return nil
}

// Decide locks a version and stores what decide makes of it. setting.ErrNotFound, *agent.RepeatedError, and whatever decide returns.
func (s *Store) Decide(
	ctx context.Context, key setting.Key, scope string, number int, act setting.Act, decide func(setting.Version) (setting.Version, error),
) error {
	err := s.tellSetting(ctx, func(q *db.Queries) (setting.Version, setting.Act, error) {
		row, err := q.LockSetting(ctx, db.LockSettingParams{Key: string(key), Scope: scope, Version: int32(number)})
		if errors.Is(err, pgx.ErrNoRows) {
			return setting.Version{}, act, setting.ErrNotFound
		}
		if err != nil {
			return setting.Version{}, act, err
		}
		v, err := decide(version(row))
		if err != nil {
			return v, act, err
		}
		return v, act, q.DecideSetting(ctx, db.DecideSettingParams{
			Key: string(key), Scope: scope, Version: int32(number), InForceFrom: timeOrNull(v.InForceFrom), Approver: orNull(v.Approver),
			ApprovedAt: timeOrNull(v.ApprovedAt), Withdrawer: orNull(v.Withdrawer), WithdrawnAt: timeOrNull(v.WithdrawnAt),
			WithdrawnWhy: v.WithdrawnWhy,
		})
	})
	if err != nil {
		return fmt.Errorf("decide on version %d of %s: %w", number, key, err)
	}
	return nil
}

// TuneLine sets what a line goes by at once, as an installation does.
func (s *Store) TuneLine(ctx context.Context, line agent.LineID, key setting.Key, value string, at time.Time) error {
	err := s.write(ctx, "system", at, func(q *db.Queries) ([]agent.Fact, error) {
		n, err := q.TuneLine(ctx, db.TuneLineParams{Key: string(key), Scope: string(line), Value: value})
		return []agent.Fact{settingFact(setting.Version{Key: key, Scope: string(line), Number: int(n)}, "set")}, err
	})
	if err != nil {
		return fmt.Errorf("set %s of line %s: %w", key, line, err)
	}
	return nil
}

func settingFact(v setting.Version, what string) agent.Fact {
	return agent.Fact{
		Kind: SettingChanged, Subject: settingSubject(v), Topics: []string{agent.TopicSettings},
		Data: map[string]any{"key": v.Key, "scope": v.Scope, "version": v.Number, "what": what},
	}
}

func settingSubject(v setting.Version) string {
	subject := "setting:" + string(v.Key)
	if v.Scope != "" {
		subject += ":" + v.Scope
	}
	return subject
}

// tellSetting runs a write, which is that of the context's command, with its record in the audit trail and its fact: what there was, and
// what there is to be.
func (s *Store) tellSetting(ctx context.Context, write func(q *db.Queries) (setting.Version, setting.Act, error)) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := command.Begin(ctx, tx, ""); err != nil {
			return err
		}
		v, act, err := write(db.New(tx))
		if err != nil {
			return err
		}
		kept, err := json.Marshal(map[string]any{"version": v.Number, "what": act.What, "old": act.Before, "new": v.Value, "effective_from": v.EffectiveFrom.UTC()})
		if err != nil {
			return err
		}
		err = audit.Append(ctx, tx, audit.Record{
			At: act.At, Actor: act.Actor, Action: act.Action.String(), Subject: settingSubject(v), Outcome: audit.Done,
			Reason: cmp.Or(v.WithdrawnWhy, v.Reason), Data: kept,
		})
		if err != nil {
			return err
		}
		news, err := factRows([]agent.Fact{settingFact(v, act.What)}, act.Actor, act.At)
		if err != nil {
			return err
		}
		return factlog.Append(ctx, tx, news...)
	})
	err = command.Over(ctx, err)
	if err == nil {
		s.wake()
	}
	return err
}
