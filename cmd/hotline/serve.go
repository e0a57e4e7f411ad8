package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

type serveCmd struct {
	settings `embed:""`
}

// Run serves until the context ends (SIGTERM) or another controller takes over. It hangs nothing up either way.
func (c *serveCmd) Run(e env) error {
	gc := newCollector(os.Getenv, os.DirFS("/"))
	gc.set()
	cores := coreShare(os.Getenv, runtime.GOMAXPROCS(0))
	runtime.GOMAXPROCS(cores)
	if err := c.check(); err != nil {
		return err
	}
	e.log.InfoContext(e.ctx, "starting", slog.Any("collector", gc), slog.Int("cores", cores))
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
	g.Go(func() error { return s.keepLogins(ctx) })
	g.Go(func() error { return s.watchSeats(ctx) })
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

func (s *server) serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.settings.ShutdownSeconds)*time.Second)
		defer cancel()
		if srv.Shutdown(down) != nil {
			_ = srv.Close() // whoever is still open is cut
		}
	}()
	err := srv.Serve(l)
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listen binds an address, or says whose setting to change.
func listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--%s %s cannot be opened: %w (another hotline running? choose another port, or set %s)", setting, addr, err, envName(setting))
	}
	return l, nil
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
		if round%forget != 0 {
			continue
		}
		if _, err := s.agentStore.ForgetCommands(ctx, s.now().Add(-24*time.Hour)); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "old commands not forgotten", slog.Any("err", err))
		}
		if err := s.auth.Purge(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "old logins not forgotten", slog.Any("err", err))
		}
	}
}
