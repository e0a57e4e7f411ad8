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
		react := func(consumer string, kinds []string, apply func(context.Context, *factlog.Pipeline, factlog.Fact) error) {
			running.Go(func() error {
				return factlog.React(ctx, h.pool, factlog.Reaction{
					Consumer: consumer, Kinds: kinds, Apply: apply, Signal: read, Poll: 20 * time.Millisecond, Now: h.clock, Log: slog.New(slog.DiscardHandler),
				})
			})
		}
		for range 2 {
			react(store.Consumer, store.Kinds(), h.store.Handler(rand.Reader))
		}
		react("watch-"+id(t), []string{"ticket.opened"}, func(context.Context, *factlog.Pipeline, factlog.Fact) error {
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

// RT13: what was read may change before the effect is written. Then nothing is written, and the next try sees what is there.
func TestReactionIsMadeAnewOnWhatHasChanged(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call := h.admitted("a")
	err := h.handleWhile("call.admitted", call, func() {
		opened, err := h.store.Sweep(t.Context(), rand.Reader, at)
		require.NoError(t, err)
		require.Equal(t, 1, opened)
	})
	require.ErrorIs(t, err, factlog.ErrStale)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.opened'`))

	h.talking(call, "A01", "official")
	d := h.draft(call)
	err = h.handleWhile("call.talking", call, func() {
		title := "噪音"
		var err error
		d, err = h.Patch(t.Context(), h.who["office"], d.ID, ticketing.Patch{Version: d.Version, Title: &title})
		require.NoError(t, err)
	})
	require.ErrorIs(t, err, factlog.ErrStale)
	waits := h.draft(call)
	require.Equal(t, d.Version, waits.Version)
	require.Empty(t, waits.Seat)
	require.NoError(t, h.handle("call.talking", call))
	now := h.draft(call)
	require.Equal(t, "噪音", now.Title)
	require.EqualValues(t, "A01", now.Seat)
	require.Equal(t, d.Version+1, now.Version)
}
