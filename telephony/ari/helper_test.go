package ari_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/aritest"
)

// patience bounds what must come; nothing waits for it to pass.
const patience = time.Minute // for what is not measured, on a machine that is shared

// bundle is a client on a fake, running and up.
type bundle struct {
	fake   *aritest.Asterisk
	client *ari.Client
	reg    *prometheus.Registry
	ended  chan error
}

func config(fake *aritest.Asterisk) ari.Config {
	return ari.Config{
		URL: fake.URL(), User: fake.User, Password: fake.Password, App: fake.App,
		BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond,
	}
}

// setup starts both; adjust changes the client's settings.
func setup(t *testing.T, o aritest.Options, adjust ...func(*ari.Config)) bundle {
	t.Helper()
	b := idle(t, o, adjust...)
	b.run(t)
	b.up(t)
	return b
}

// idle leaves the event socket closed.
func idle(t *testing.T, o aritest.Options, adjust ...func(*ari.Config)) bundle {
	t.Helper()
	fake := aritest.New(t, o)
	cfg := config(fake)
	reg := prometheus.NewRegistry()
	cfg.Registry = reg
	for _, f := range adjust {
		f(&cfg)
	}
	client, err := ari.New(cfg)
	require.NoError(t, err)
	return bundle{fake: fake, client: client, reg: reg, ended: make(chan error, 1)}
}

// run starts Run and ends it with the test.
func (b bundle) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		b.ended <- b.client.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
	})
}

func (b bundle) up(t *testing.T) {
	t.Helper()
	require.Equal(t, telephony.Up{Entity: b.fake.Entity()}, b.next(t))
}

func (b bundle) next(t *testing.T) telephony.Signal {
	t.Helper()
	select {
	case s, ok := <-b.client.Signals():
		require.True(t, ok, "signals ended")
		return s
	case <-time.After(patience):
		require.Fail(t, "no signal came")
		return nil
	}
}

// until skips signals up to the first of a kind.
func until[S telephony.Signal](t *testing.T, b bundle) S {
	t.Helper()
	for {
		if s, ok := b.next(t).(S); ok {
			return s
		}
	}
}

// arrive lets a citizen call in and takes the Entered.
func (b bundle) arrive(t *testing.T) telephony.LegID {
	t.Helper()
	leg := b.fake.Call("13812345678", "12345")
	require.Equal(t, leg, until[telephony.Entered](t, b).Leg)
	return leg
}

// metric sums a counter over the labels that match.
func (b bundle) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := b.reg.Gather()
	require.NoError(t, err)
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if has(m.GetLabel(), labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func has(pairs []*dto.LabelPair, want []string) bool {
	found := 0
	for _, p := range pairs {
		for _, w := range want {
			if p.GetName()+"="+p.GetValue() == w {
				found++
			}
		}
	}
	return found == len(want)
}

var errStale = errors.New("lease not renewed")
