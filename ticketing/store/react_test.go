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

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
	"hotline/telephony"
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
		log := factlog.NewFeed(h.pool, factlog.Following{Signal: read, Poll: 20 * time.Millisecond})
		var running errgroup.Group
		running.Go(func() error { return log.Run(ctx) })
		react := func(consumer string, kinds []string, apply func(context.Context, *factlog.Pipeline, []factlog.Fact) error) {
			running.Go(func() error {
				return factlog.React(ctx, h.pool, factlog.Reaction{
					Consumer: consumer, Kinds: kinds, Apply: apply, Feed: log, Wake: read, Now: h.clock, Log: slog.New(slog.DiscardHandler),
				})
			})
		}
		for range 2 {
			react(store.Consumer, store.Kinds(), h.store.Handler(rand.Reader))
		}
		react("watch-"+id(t), []string{"ticket.opened"}, func(_ context.Context, _ *factlog.Pipeline, facts []factlog.Fact) error {
			for range facts {
				opened <- struct{}{}
			}
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
	page, err := h.List(t.Context(), h.who["office"], ticketing.Query{Part: ticketing.PartLive})
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
		d, err = h.Patch(t.Context(), h.who["official"], d.ID, ticketing.Patch{Version: d.Version, Title: &title})
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

// RH8: a call that is answered costs its ticket two looks and two transactions, however many of its facts come; one of many that come
// together costs a fraction of that.
func TestWhatTheTicketOfACallCosts(t *testing.T) {
	t.Parallel()
	h := setup(t)
	pool, count := pgtest.Counted(t, h.pool)
	watched := store.New(pool, factlog.NewSignal())
	ctx, stop := context.WithCancel(t.Context())
	signal := factlog.NewSignal()
	log := factlog.NewFeed(h.pool, factlog.Following{Signal: signal, Poll: 5 * time.Millisecond})
	var running errgroup.Group
	running.Go(func() error { return log.Run(ctx) })
	running.Go(func() error {
		return factlog.React(ctx, pool, factlog.Reaction{
			Consumer: store.Consumer, Kinds: store.Kinds(), Wants: store.Wants, Apply: watched.Handler(rand.Reader), Feed: log, Wake: signal,
			Now: h.clock, Log: slog.New(slog.DiscardHandler),
		})
	})
	tell := func(facts ...factlog.Fact) {
		require.NoError(t, pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error { return factlog.Append(t.Context(), tx, facts...) }))
		signal.Wake()
	}
	fact := func(call telephony.CallID, kind, data string) factlog.Fact {
		return factlog.Fact{At: at, Kind: kind, Subject: string(call), Topics: []string{"board"}, Actor: "controller", Data: json.RawMessage(data)}
	}
	settled := func() bool { // the cursor is past what we have told
		return h.count(`SELECT count(*) FROM fact_cursor c WHERE NOT EXISTS (SELECT 1 FROM fact f WHERE f.kind = ANY ($1)
			AND f.data->>'outcome' IS DISTINCT FROM 'answered_official' AND (f.xid, f.id) > (c.xid, c.id))`, store.Kinds()) == 1
	}
	life := func(calls ...telephony.CallID) (int, int) {
		require.Eventually(t, settled, 10*time.Second, time.Millisecond)
		count.Take()
		var facts []factlog.Fact
		for _, kind := range []string{"call.arrived", "call.admitted", "call.offered", "call.ringing", "call.talking", "call.ended"} {
			for _, call := range calls {
				switch kind {
				case "call.talking":
					h.talking(call, "A01", "official")
				case "call.ended":
					h.ended(call, telephony.OutcomeAnsweredOfficial)
				}
				facts = append(facts, fact(call, kind, `{}`))
			}
			if kind == "call.ended" {
				for i := range calls {
					facts[len(facts)-1-i].Data = json.RawMessage(`{"outcome":"answered_official"}`)
				}
			}
			if len(calls) == 1 {
				tell(facts...)
				facts = nil
				require.Eventually(t, settled, 10*time.Second, time.Millisecond)
			}
		}
		if len(facts) > 0 {
			tell(facts...)
			require.Eventually(t, settled, 10*time.Second, time.Millisecond)
		}
		statements, trips := count.Take()
		return len(statements), trips
	}
	require.Eventually(t, func() bool { return h.count(`SELECT count(*) FROM fact_cursor`) == 1 }, 10*time.Second, time.Millisecond)
	statements, trips := life(h.admitted("a"))
	require.Equal(t, 6, statements)
	require.Equal(t, 4, trips, "two looks, two transactions")
	calls := make([]telephony.CallID, 30)
	for i := range calls {
		calls[i] = h.admitted("b")
	}
	statements, trips = life(calls...)
	require.Equal(t, 3, statements)
	require.Equal(t, 2, trips)
	require.Equal(t, 31, h.count(`SELECT count(*) FROM ticket WHERE seat = 'A01' AND official IS NOT NULL`))
	stop()
	require.ErrorIs(t, running.Wait(), context.Canceled)
}
