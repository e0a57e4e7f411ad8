// Package command gives a command one effect however often it is sent (RC1, RC2): its key and the hash of what is asked are kept in the
// transaction of the effect, so that a repeat in any process waits for that, and a kill leaves both or none. Nothing of what was asked or
// answered is kept. The door puts the command into the context, and the store that writes takes it from there. It knows pgx and no domain.
package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"hotline/agent"
)

// MaxKey is the longest key, in characters.
const MaxKey = 100

// DB is what a pool, a transaction and a pipeline have in common.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Command is one request of a person, under a key of their making. It belongs to the goroutine of its request.
type Command struct {
	person agent.PersonID
	key    string
	asked  hash.Hash
	memory DB
	kept   bool // by an earlier transaction of the same request
}

// New is a command before its body is read. Memory is asked for what was kept.
func New(person agent.PersonID, key, method, path string, memory DB) *Command {
	c := &Command{person: person, key: key, asked: sha256.New(), memory: memory}
	_, _ = io.WriteString(c.asked, method+" "+path+"\n") // a hash takes everything
	return c
}

// Body is the request's body, which counts for what is asked as far as it is read: whoever does something has read it.
func (c *Command) Body(of io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(of, c.asked), of}
}

// Name is the same for the same key of the same person.
func (c *Command) Name() string { return string(c.person) + " " + c.key }

type contextKey struct{}

// NewContext carries a command to the store that will write.
func NewContext(ctx context.Context, c *Command) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From is the command of a request; nil: it bears no key, or there is no request.
func From(ctx context.Context) *Command {
	c, _ := ctx.Value(contextKey{}).(*Command)
	return c
}

const (
	beginSQL = `SELECT command_begin($1, $2, $3, $4)`
	knownSQL = `SELECT command_known($1, $2, $3)`
)

// Begin keeps the command of the context in a transaction, or a pipeline, as its first write. Makes is the id of what it is about to
// make, or empty. What it finds may come with the end of the transaction only: see Over.
func Begin(ctx context.Context, tx DB, makes string) error {
	c := From(ctx)
	if c == nil || c.kept {
		return nil
	}
	_, err := tx.Exec(ctx, beginSQL, string(c.person), c.key, c.asked.Sum(nil), makes)
	return err
}

// Over takes the end of a transaction that began with Begin. *agent.RepeatedError, agent.ErrKeyReused, ErrRunning, ErrUnsure; what is not
// about the command stays as it is. Of a command without a key it is said as well that nobody knows what became of it.
func Over(ctx context.Context, err error) error {
	if c := From(ctx); c != nil {
		c.kept = c.kept || err == nil
	}
	return told(err)
}

// Known asks whether the command of the context has had its effect: for whom it does not show in a transaction of their own. The errors
// are those of Over; nil: it has not.
func Known(ctx context.Context) error {
	c := From(ctx)
	if c == nil || c.kept {
		return nil
	}
	_, err := c.memory.Exec(ctx, knownSQL, string(c.person), c.key, c.asked.Sum(nil))
	return unsure(told(err))
}

// Keep keeps a command whose effect is not of this database's transactions, after it.
func Keep(ctx context.Context) error {
	c := From(ctx)
	if c == nil {
		return nil
	}
	err := told(Begin(ctx, c.memory, ""))
	if _, already := errors.AsType[*agent.RepeatedError](err); already {
		return nil
	}
	return unsure(err)
}

// What command_begin and command_known say, and what Postgres says of itself.
const (
	codeRepeated = "HL020"
	codeReused   = "HL021"
	codeCanceled = "57014" // it waited for the same command as long as a statement may take
	codeLocked   = "55P03"
)

func told(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok && away(err):
		return fmt.Errorf("%w: %w", agent.ErrUnsure, err)
	case !ok:
		return err
	case pg.Code == codeRepeated:
		return &agent.RepeatedError{Made: pg.Detail}
	case pg.Code == codeReused:
		return agent.ErrKeyReused
	case pg.Code == codeCanceled && strings.Contains(pg.Where, "command_begin"), pg.Code == codeLocked && strings.Contains(pg.Where, "command_begin"):
		return fmt.Errorf("%w: %w", agent.ErrRunning, err)
	}
	switch pg.Code[:2] {
	case "08", "53", "57": // connection, resources, an operator's hand
		return fmt.Errorf("%w: %w", agent.ErrUnsure, err)
	}
	return err
}

// away says that a connection broke, or was not to be had.
func away(err error) bool {
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, broken := errors.AsType[net.Error](err)
	return connect || broken || pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// unsure: whoever could not ask does not know, whatever the reason.
func unsure(err error) error {
	_, repeated := errors.AsType[*agent.RepeatedError](err)
	if err == nil || repeated || errors.Is(err, agent.ErrKeyReused) || errors.Is(err, agent.ErrRunning) || errors.Is(err, agent.ErrUnsure) {
		return err
	}
	return fmt.Errorf("%w: %w", agent.ErrUnsure, err)
}
