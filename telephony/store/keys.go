package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hotline/agent/audit"
	"hotline/agent/vault"
	"hotline/telephony/store/db"
)

// ErrKeysBusy says that another act on the keys of this database goes on.
var ErrKeysBusy = errors.New("somebody else is at work on the keys of this database: wait for it to end")

// CheckKeys says whether a vault is the one that the database's numbers are sealed with (RS13): nil, or one of the errors of
// [vault.Vault.Fits], which say the mend.
func CheckKeys(ctx context.Context, in db.DBTX, v *vault.Vault) error {
	known, err := knownKeys(ctx, db.New(in))
	if err != nil {
		return err
	}
	return v.Fits(known)
}

const lockNotAvailable = "55P03" // of Postgres

// KeysOptions are what acts on the keys need.
type KeysOptions struct {
	Path string // of the key file
	Now  func() time.Time
	Log  *slog.Logger
	By   string // who acts, in the audit trail
}

// Keys are a key file and the database whose numbers are sealed with it, changed together by one person at a time (RS13). The file
// is written before the database: what is not finished there is found, and finished by the same act again.
type Keys struct {
	conn *pgx.Conn
	q    *db.Queries
	opt  KeysOptions
}

// OpenKeys has the keys to itself until the connection ends. ErrKeysBusy.
func OpenKeys(ctx context.Context, conn *pgx.Conn, opt KeysOptions) (*Keys, error) {
	k := &Keys{conn: conn, q: db.New(conn), opt: opt}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		q := k.q.WithTx(tx)
		if err := q.WaitForKeys(ctx); err != nil {
			return err
		}
		return q.LockKeys(ctx)
	})
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == lockNotAvailable:
		return nil, ErrKeysBusy
	case err != nil:
		return nil, fmt.Errorf("lock the keys: %w", err)
	}
	return k, nil
}

// Init makes the key file of a database that has none yet, and tells the database. It replaces neither a file (fs.ErrExist) nor keys
// that numbers are sealed with (vault.ErrWrongKeys).
func (k *Keys) Init(ctx context.Context, preset vault.Preset) error {
	if _, err := os.Lstat(k.opt.Path); err == nil {
		return fmt.Errorf("key file %s: %w, and keys are never replaced; 'hotline vault adopt' makes it known to this database", k.opt.Path, fs.ErrExist)
	}
	known, sealed, err := k.read(ctx)
	if err != nil {
		return err
	}
	if len(known) > 0 || len(sealed) > 0 {
		return fmt.Errorf("this database has keys already, and numbers sealed with them: %w", vault.ErrWrongKeys)
	}
	return k.act(ctx, "vault.init", func(q *db.Queries) error {
		if err := vault.Create(k.opt.Path, preset); err != nil {
			return err
		}
		v, err := vault.Open(k.opt.Path)
		if err != nil {
			return err
		}
		return addKeys(ctx, q, v.Keys(), vault.Active)
	})
}

// Adopt makes a key file that is there known to a database that knows none, after it has opened what is sealed there, and brings a file
// of the old format to the present one. It says whether it was of the old one.
func (k *Keys) Adopt(ctx context.Context) (bool, error) {
	v, old, err := vault.OpenAny(k.opt.Path)
	if err != nil {
		return false, err
	}
	known, sealed, err := k.read(ctx)
	if err != nil {
		return old, err
	}
	if len(known) > 0 {
		err = v.Fits(known)
	} else {
		err = k.try(ctx, v, sealed)
	}
	if err != nil {
		return old, err
	}
	if len(known) > 0 && !old {
		return old, nil
	}
	return old, k.act(ctx, "vault.adopt", func(q *db.Queries) error {
		if old {
			if err := vault.Upgrade(k.opt.Path); err != nil {
				return err
			}
		}
		if len(known) > 0 {
			return nil
		}
		return addKeys(ctx, q, v.Keys(), vault.Active)
	})
}

// Rotate adds a key that seals from the servers' next start on, or with index replaces that of the index, which a reseal has to follow.
// A change that was not finished is finished instead; it says whether it was so.
func (k *Keys) Rotate(ctx context.Context, preset vault.Preset, index bool) (bool, error) {
	v, known, err := k.open(ctx)
	finish := errors.Is(err, vault.ErrUnstored)
	if err != nil && !finish {
		return false, err
	}
	change := vault.Rotate
	if index {
		change = vault.RotateIndex
	}
	return finish, k.act(ctx, "vault.rotate", func(q *db.Queries) error {
		if finish {
			return tellKeys(ctx, q, v, known)
		}
		if err := change(k.opt.Path, preset); err != nil {
			return err
		}
		if v, err = vault.Open(k.opt.Path); err != nil {
			return err
		}
		return tellKeys(ctx, q, v, known)
	})
}

// Retire drops the sealing keys that nothing is sealed with any more, from the file and for the database, while no server runs that
// might seal with them. It gives their ids. ErrServerRuns.
func (k *Keys) Retire(ctx context.Context) ([]byte, error) {
	v, known, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	var idle []byte // with those of a retirement that ended half way
	err = k.alone(ctx, func(ctx context.Context) error {
		sealed, err := k.q.SealedByKey(ctx)
		if err != nil {
			return fmt.Errorf("count numbers by key: %w", err)
		}
		for _, key := range known {
			used := slices.ContainsFunc(sealed, func(s db.SealedByKeyRow) bool { return byte(s.Key) == key.ID })
			if slices.Contains(v.Keys(), key.Key) && key.Purpose == vault.PurposeSeal && key.ID != v.Current() && !used {
				idle = append(idle, key.ID)
			}
		}
		if len(idle) == 0 {
			return nil
		}
		ids := make([]int16, len(idle))
		for i, id := range idle {
			ids[i] = int16(id)
		}
		return k.act(ctx, "vault.retire", func(q *db.Queries) error { return q.RetireKeys(ctx, ids) })
	})
	if err != nil || len(idle) == 0 {
		return nil, err
	}
	return idle, vault.Drop(k.opt.Path, idle...)
}

// KeysStatus is what there is to know of a database's keys.
type KeysStatus struct {
	Known   []vault.Known
	Numbers map[byte]int64 // sealed, by the id of the key
	Misfit  error          // nil: the key file is the database's
}

// Status compares the file with the database and counts.
func (k *Keys) Status(ctx context.Context) (KeysStatus, error) {
	known, sealed, err := k.read(ctx)
	if err != nil {
		return KeysStatus{}, err
	}
	is := KeysStatus{Known: known, Numbers: map[byte]int64{}}
	for _, s := range sealed {
		is.Numbers[byte(s.Key)] = s.Numbers
	}
	v, err := vault.Open(k.opt.Path)
	if err == nil {
		err = v.Fits(known)
	}
	is.Misfit = err
	return is, nil
}

// open reads the file and compares it; the vault is there when the error is one of Fits.
func (k *Keys) open(ctx context.Context) (*vault.Vault, []vault.Known, error) {
	v, err := vault.Open(k.opt.Path)
	if err != nil {
		return nil, nil, err
	}
	known, err := knownKeys(ctx, k.q)
	if err != nil {
		return nil, nil, err
	}
	return v, known, v.Fits(known)
}

func (k *Keys) read(ctx context.Context) ([]vault.Known, []db.SealedByKeyRow, error) {
	known, err := knownKeys(ctx, k.q)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := k.q.SealedByKey(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("count numbers by key: %w", err)
	}
	return known, sealed, nil
}

// try opens the latest number of each key, and looks whether it is indexed as this vault would.
func (k *Keys) try(ctx context.Context, v *vault.Vault, sealed []db.SealedByKeyRow) error {
	for _, s := range sealed {
		row, err := k.q.SealedNumber(ctx, s.Latest)
		if err != nil {
			return fmt.Errorf("read the number of call %s: %w", s.Latest, err)
		}
		number, err := v.Open(s.Latest, row.NumEnc)
		if err != nil {
			return fmt.Errorf("%w: %w", err, vault.ErrWrongKeys)
		}
		if row.NumIdx != nil && !slices.Equal(row.NumIdx, v.Index(number)) {
			return fmt.Errorf("call %s is indexed with another key: %w", s.Latest, vault.ErrWrongKeys)
		}
	}
	return nil
}

// act does something with the keys in a transaction that begins with its audit record: where none can be written no file is touched.
func (k *Keys) act(ctx context.Context, action string, do func(*db.Queries) error) error {
	return pgx.BeginFunc(ctx, k.conn, func(tx pgx.Tx) error {
		if err := k.record(ctx, tx, action, nil); err != nil {
			return err
		}
		return do(k.q.WithTx(tx))
	})
}

func (k *Keys) record(ctx context.Context, tx pgx.Tx, action string, data json.RawMessage) error {
	return audit.Append(ctx, tx, audit.Record{
		At: k.opt.Now(), Actor: k.opt.By, Action: action, Subject: "keys", Outcome: audit.Done, Data: data,
	})
}

// tellKeys tells the database of keys that the file has been given.
func tellKeys(ctx context.Context, q *db.Queries, v *vault.Vault, known []vault.Known) error {
	for _, key := range v.Unstored(known) {
		state := vault.Active
		if key.Purpose == vault.PurposeIndex {
			state = vault.Pending
		}
		if err := addKeys(ctx, q, []vault.Key{key}, state); err != nil {
			return err
		}
	}
	return nil
}

func addKeys(ctx context.Context, q *db.Queries, keys []vault.Key, state vault.State) error {
	for _, key := range keys {
		err := q.AddKey(ctx, db.AddKeyParams{
			Purpose: string(key.Purpose), ID: int16(key.ID), Preset: string(key.Preset), Fingerprint: key.Fingerprint[:], State: string(state),
		})
		if err != nil {
			return fmt.Errorf("store the fingerprint of key %v: %w", key, err)
		}
	}
	return nil
}

func knownKeys(ctx context.Context, q *db.Queries) ([]vault.Known, error) {
	rows, err := q.KnownKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys' fingerprints: %w", err)
	}
	known := make([]vault.Known, len(rows))
	for i, r := range rows {
		known[i] = vault.Known{State: vault.State(r.State), Key: vault.Key{
			Purpose: vault.Purpose(r.Purpose), ID: byte(r.ID), Preset: vault.Preset(r.Preset), Fingerprint: vault.Fingerprint(r.Fingerprint),
		}}
	}
	return known, nil
}
