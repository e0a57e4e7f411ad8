package store_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/realtime/factlog"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// The whole way: facts committed by calls, two processes that react, one ticket each; and a restart repeats nothing.
func TestReactionOpensEachTicketOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	const calls = 20
	for range calls {
		call := h.admitted("a")
		require.NoError(t, pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error {
			fact := factlog.Fact{At: at, Kind: "call.admitted", Subject: string(call), Topics: []string{"board"}, Actor: "controller", Data: json.RawMessage(`{}`)}
			other := fact
			other.Kind = "call.ringing"
			return factlog.Append(t.Context(), tx, other, fact, fact)
		}))
	}
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		opened, read := make(chan struct{}, calls), factlog.NewSignal()
		var running errgroup.Group
		react := func(consumer string, kinds []string, apply func(context.Context, pgx.Tx, factlog.Fact) error) {
			running.Go(func() error {
				return factlog.React(ctx, h.pool, factlog.Reaction{
					Consumer: consumer, Kinds: kinds, Apply: apply, Signal: read, Poll: 20 * time.Millisecond, Now: h.clock, Log: slog.New(slog.DiscardHandler),
				})
			})
		}
		for range 2 {
			react(store.Consumer, store.Kinds(), h.store.Handler(rand.Reader))
		}
		react("watch-"+id(t), []string{"ticket.opened"}, func(context.Context, pgx.Tx, factlog.Fact) error {
			opened <- struct{}{}
			return nil
		})
		for range calls {
			select {
			case <-opened:
			case <-time.After(30 * time.Second):
				require.Fail(t, "a ticket was not opened")
			}
		}
		stop()
		require.ErrorIs(t, running.Wait(), context.Canceled)
	}
	require.Equal(t, calls, h.count(`SELECT count(*) FROM ticket`))
	require.Equal(t, calls, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.opened'`))
	page, err := h.List(t.Context(), h.who["office"], ticketing.Query{})
	require.NoError(t, err)
	require.Equal(t, calls, page.Count)
}
