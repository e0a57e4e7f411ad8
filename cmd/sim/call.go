package main

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"hotline/cmd/sim/audio"
	"hotline/cmd/sim/citizen"
	"hotline/cmd/sim/phone"
)

type target struct {
	Trunk  string `default:"127.0.0.1:5060" help:"Where the trunk listens."`
	Number string `default:"12345" help:"Number that is dialled."`
	IP     string `name:"ip" default:"127.0.0.2" help:"Own address; the trunk knows citizens by it."`
}

type callCmd struct {
	target
	From     string        `default:"055112345678" help:"The citizen's number."`
	Patience time.Duration `default:"60s" help:"After which the citizen hangs up."`
	Tone     int           `default:"600" help:"What is said: a tone of so many Hz."`
	Listen   []int         `default:"600,1000" help:"Tones to report, in Hz."`
}

// Run makes the call: SIPp signals, this program speaks and listens at the address that SIPp names in its SDP.
func (c *callCmd) Run(ctx context.Context) error {
	ear := newEar(c.Listen)
	v, err := phone.NewVoice(c.IP, audio.Sine(c.Tone, 0.4), ear.hear)
	if err != nil {
		return err
	}
	defer v.Close()
	v.Await()
	ctx, done := context.WithCancel(ctx)
	defer done()
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		ear.report(ctx, json.NewEncoder(os.Stdout))
	}()
	err = citizen.Call(ctx, citizen.Caller{
		Trunk: c.Trunk, Number: c.Number, From: c.From, IP: c.IP, Patience: c.Patience, Media: v.Addr(),
	})
	done()
	<-reported
	return err
}

// ear keeps the last half second of what is heard.
type ear struct {
	tones []int

	mu      sync.Mutex
	packets int64     // guarded by mu, as all below
	last    []float64 // samples since the last report
	loudAt  time.Time // when something was last heard
}

func newEar(tones []int) *ear { return &ear{tones: tones} }

func (e *ear) hear(alaw []byte) {
	samples := audio.Decode(alaw)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets++
	e.last = append(e.last, samples...)
	if audio.Energy(samples) > 1e-6 {
		e.loudAt = time.Now()
	}
}

type heard struct {
	Packets  int64           `json:"packets"`
	Energy   float64         `json:"energy"`
	Tones    map[int]float64 `json:"tones"`
	SilentMS int64           `json:"silent_ms"`
}

// report prints twice a second what was heard since the line before.
func (e *ear) report(ctx context.Context, out *json.Encoder) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			_ = out.Encode(e.sum(now)) // a reader that has gone is no reason to hang up
		}
	}
}

func (e *ear) sum(now time.Time) heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := heard{Packets: e.packets, Energy: audio.Energy(e.last), Tones: map[int]float64{}, SilentMS: -1}
	if !e.loudAt.IsZero() {
		h.SilentMS = now.Sub(e.loudAt).Milliseconds()
	}
	for _, hz := range e.tones {
		h.Tones[hz] = audio.Tone(e.last, float64(hz))
	}
	e.last = e.last[:0]
	return h
}

type citizensCmd struct {
	target
	From     string        `default:"055112345678" help:"Their number."`
	Rate     float64       `default:"1" help:"New calls per second."`
	Calls    int           `default:"10" help:"How many in all."`
	Patience time.Duration `default:"30s" help:"After which each hangs up."`
	Speech   string        `type:"existingfile" optional:"" help:"File of A-law speech."`
	Limit    time.Duration `default:"5m" help:"Bound of the whole run."`
}

func (c *citizensCmd) Run(ctx context.Context) error {
	return citizen.Run(ctx, citizen.Load{
		Caller: citizen.Caller{Trunk: c.Trunk, Number: c.Number, From: c.From, IP: c.IP, Speech: c.Speech, Patience: c.Patience},
		Rate:   c.Rate, Calls: c.Calls, Limit: c.Limit,
	})
}
