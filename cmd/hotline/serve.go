package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"hotline/agent/audit"
	"hotline/agent/vault"
	callstore "hotline/telephony/store"
)

type serveCmd struct {
	settings `embed:""`

	AllowRoot bool `help:"Serve as root all the same: in a container that has no other user."`
}

// Run serves until the context ends (SIGTERM) or another controller takes over. It hangs nothing up either way.
func (c *serveCmd) Run(e env) error {
	if err := allowSlack(); err != nil {
		e.log.WarnContext(e.ctx, "calls will cost more processor time", slog.Any("err", err))
	}
	runtime.UnlockOSThread() // see init in slack.go: now main may run wherever it likes
	gc := newCollector(os.Getenv, os.DirFS("/"))
	gc.set()
	cores := coreShare(os.Getenv, runtime.GOMAXPROCS(0))
	runtime.GOMAXPROCS(cores)
	if err := errors.Join(c.check(), c.checkUser(os.Geteuid())); err != nil {
		return err
	}
	e.log.InfoContext(e.ctx, "starting", slog.Any("collector", gc), slog.Int("cores", cores), slog.Duration("slack", timerSlack()))
	s, err := newServer(e.ctx, c.settings, e.log)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(e.ctx)
}

// run starts everything that moves. Whichever part ends with an error ends the whole.
func (s *server) run(ctx context.Context) error {
	panel, err := listen(ctx, "listen", s.settings.Listen)
	if err != nil {
		return err
	}
	metrics, err := listen(ctx, "metrics-listen", s.settings.MetricsListen)
	if err != nil {
		_ = panel.Close()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.serveHTTP(ctx, panel, s.handler) })
	g.Go(func() error { return s.serveHTTP(ctx, metrics, s.metricsHandler()) })
	g.Go(func() error { return s.feed.Run(ctx) })
	g.Go(func() error { return s.hub.Run(ctx) })
	g.Go(func() error { return s.spread.Run(ctx) })
	g.Go(func() error { return s.react(ctx) })
	g.Go(func() error { return s.watchStores(ctx) })
	g.Go(func() error { return s.sampleGauges(ctx) })
	g.Go(func() error { return s.housekeeping(ctx) })
	g.Go(func() error { return s.prepareFacts(ctx) })
	g.Go(func() error { return s.seal(ctx) })
	g.Go(func() error { return s.keepLogins(ctx) })
	g.Go(func() error { return s.watchRights(ctx) })
	g.Go(func() error { return s.attend(ctx) })
	g.Go(func() error { return s.followSettings(ctx) })
	g.Go(func() error { return s.control(ctx) })
	s.log.InfoContext(ctx, "serving", slog.String("listen", panel.Addr().String()), slog.String("metrics", metrics.Addr().String()))
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// control waits for the lease and then runs the calls: only the holder connects to the exchange (R3).
func (s *server) control(ctx context.Context) error {
	if err := s.lease.Take(ctx); err != nil {
		return fmt.Errorf("take the controller's lease: %w", err)
	}
	if err := s.checkKeysAgain(ctx); err != nil {
		over, give := context.WithCancel(ctx)
		give()
		return errors.Join(fmt.Errorf("--number-key-file %s, as it was read at the start (if it was replaced since, start the server again): %w", s.settings.NumberKeyFile, err), s.lease.Run(over))
	}
	epoch, _ := s.lease.Epoch()
	s.log.InfoContext(ctx, "holding the lease", slog.Int64("epoch", epoch))
	s.master.Store(true)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.lease.Run(ctx) })
	g.Go(func() error { return s.ari.Run(ctx) })
	g.Go(func() error { return s.tellPhones(ctx) })
	g.Go(func() error { return s.controller.Run(ctx) })
	return g.Wait()
}

// checkKeysAgain : they may have changed while we stood by. A database that does not answer now says nothing of them.
func (s *server) checkKeysAgain(ctx context.Context) error {
	for {
		err := callstore.CheckKeys(ctx, s.calls, s.vault)
		var wrong bool
		for _, is := range []error{vault.ErrNoneKnown, vault.ErrWrongKeys, vault.ErrUnstored, vault.ErrReseal} {
			wrong = wrong || errors.Is(err, is)
		}
		if err == nil || wrong {
			return err
		}
		s.log.WarnContext(ctx, "keys not compared with the database, trying again", slog.Any("err", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// pushSeats gives the exchange the seats' telephones, and only then lets browsers through to it. While a store is away it tries
// again: no other news would ever come to do it.
func (s *server) pushSeats(ctx context.Context, entity string) {
	retry := time.NewTicker(500 * time.Millisecond)
	defer retry.Stop()
	for told := false; ; told = true {
		restarted, err := s.exchangeRestarted(ctx, entity)
		if err == nil {
			err = s.agents.RepushAll(ctx, restarted)
		}
		if err == nil {
			err = s.comparePhones(ctx)
		}
		if err == nil {
			err = s.rememberExchange(ctx, entity)
		}
		if err == nil {
			s.pushed.Store(entity)
			s.sip.ready.Store(true)
			s.log.InfoContext(ctx, "the exchange knows the seats' telephones", slog.Bool("restarted", restarted))
			return
		}
		if !told {
			s.log.ErrorContext(ctx, "seats not pushed to the exchange, trying again; their telephones stay away", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
	}
}

// exchangeRestarted compares the exchange's identity with the one whose seats were pushed last.
func (s *server) exchangeRestarted(ctx context.Context, entity string) (bool, error) {
	old, err := s.ledger.Exchange(ctx)
	return old != "" && old != entity, err
}

// rememberExchange comes last: a push that failed half way finds the restart again.
func (s *server) rememberExchange(ctx context.Context, entity string) error {
	epoch, _ := s.lease.Epoch() // of this process for good: one that has lost it writes nothing
	return s.ledger.RememberExchange(ctx, epoch, entity)
}

// seal chains the audit trail behind the commits, and anchors its head beside the keys unless a setting says where.
func (s *server) seal(ctx context.Context) error {
	sealer := audit.Sealer{Pool: s.follow, Anchor: cmp.Or(s.settings.AuditAnchorFile, s.settings.NumberKeyFile+".anchor"), Now: time.Now, Log: s.log}
	if err := sealer.Run(ctx); err != nil {
		s.log.WarnContext(ctx, "the audit trail was not sealed to its end; the next start does it", slog.Any("err", err))
	}
	return nil
}

// housekeeping closes what facts may have missed, and now and then forgets what is kept for a time only.
func (s *server) housekeeping(ctx context.Context) error {
	const forget, far = 6, 360 // rounds from one time to the next
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.sweepTickets(ctx, round%far == 0); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "calls without a ticket not swept", slog.Any("err", err))
		}
		if err := s.mendFacts(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "facts that were set aside not tried again", slog.Any("err", err))
		}
		if round%forget != 0 {
			continue
		}
		if _, err := s.agentStore.ForgetCommands(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "old commands not forgotten", slog.Any("err", err))
		}
		if err := s.auth.Purge(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "old logins not forgotten", slog.Any("err", err))
		}
	}
}
