package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/citizen"
)

// recovered is what B8 has measured.
type recovered struct {
	ours    Sample   // kill -9 of hotline -> a seat that has hung up meanwhile is rung for the citizen whose turn it is
	bare    Sample   // process start, one SELECT, GET /channels
	wrong   int      // offers to somebody whose turn it was not
	way     []string // of the last kill, as the server's log tells it
	waiting int
}

// recovery measures B8. The citizens have no media: Asterisk's timer is taken out first, without which nothing of the music's is
// sent, or a thousand of them would need three cores of it alone. It is the last that is measured on this Asterisk.
func (h *hall) recovery(ctx context.Context, o Options) (recovered, error) {
	var r recovered
	if out, err := h.demo.Exchange.CLI(ctx, "module unload res_timing_timerfd.so"); err != nil {
		return r, fmt.Errorf("take the timer out: %w: %s", err, out)
	}
	h.telephones.begin(manner{talk: span{min: 10 * time.Minute, max: 10 * time.Minute}})
	calling, stop := context.WithCancel(ctx)
	defer stop()
	called := make(chan error, 1)
	go func() {
		called <- citizen.Run(calling, citizen.Load{
			Caller: citizen.Caller{
				Trunk: h.demo.Trunk, Number: demo.Number, From: "055162345678", IP: "127.0.0.2", Patience: 20 * time.Minute, Media: h.sink,
			},
			Rate: 60, AtOnce: o.Crowd + o.Seats, Calls: 100_000, Limit: 20 * time.Minute,
		})
	}()
	if err := h.crowded(ctx, o, called); err != nil {
		return r, err
	}
	for i := range o.Kills {
		seat := fmt.Sprintf("A%02d", i%o.Seats+1)
		began := time.Now()
		took, right, waiting, err := h.kill(ctx, seat)
		if err != nil {
			return r, err
		}
		if !right {
			r.wrong++
		}
		r.ours, r.waiting = append(r.ours, took), waiting
		r.way = h.wayBack(began, took)
		pause(ctx, 3*time.Second) // what else the new one has to do
		bare, err := h.look(ctx, o)
		if err != nil {
			return r, err
		}
		r.bare = append(r.bare, bare)
		o.Say(fmt.Sprintf("B8 %d/%d  hotline %s  bare %s  waiting %d  load %s", i+1, o.Kills, short(took), short(bare), waiting, load()))
	}
	return r, nil
}

// crowded waits until so many wait.
func (h *hall) crowded(ctx context.Context, o Options, called <-chan error) error {
	until := time.Now().Add(2 * time.Minute)
	for {
		n := 0
		if err := h.sql.QueryRow(ctx, `SELECT count(*) FROM call WHERE phase = 'waiting' AND ended_at IS NULL`).Scan(&n); err != nil {
			return fmt.Errorf("count who waits: %w", err)
		}
		if n >= o.Crowd {
			pause(ctx, settle)
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d wait after two minutes", n, o.Crowd)
		}
		select {
		case err := <-called:
			return fmt.Errorf("the citizens are away: %w", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// kill is kill -9 of hotline while a seat hangs up: how long until that seat is rung, and whether for the one whose turn it is.
func (h *hall) kill(ctx context.Context, seat string) (time.Duration, bool, int, error) {
	var first string
	waiting := 0
	err := h.sql.QueryRow(ctx, `SELECT count(*), (array_agg(id::text ORDER BY priority, seq))[1] FROM call WHERE phase = 'waiting' AND ended_at IS NULL`).Scan(&waiting, &first)
	if err != nil {
		return 0, false, 0, fmt.Errorf("see whose turn it is: %w", err)
	}
	began := time.Now()
	h.demo.KillServer()
	h.telephones.hangUp(seat)
	for until := began.Add(time.Minute); ; {
		if gaps, _ := h.telephones.measured(began, time.Now()); len(gaps) > 0 {
			took := gaps[0].at.Add(gaps[0].took).Sub(began)
			var offered string
			err := h.sql.QueryRow(ctx, `SELECT call::text FROM offer WHERE seat = $1 ORDER BY offered_at DESC LIMIT 1`, seat).Scan(&offered)
			if err != nil {
				return 0, false, 0, fmt.Errorf("see who was offered: %w", err)
			}
			h.telephones.forget()
			return took, offered == first && gaps[0].seat == seat, waiting, nil
		}
		if time.Now().After(until) {
			return 0, false, 0, fmt.Errorf("nobody rings at seat %s a minute after the kill", seat)
		}
		if !pause(ctx, 5*time.Millisecond) {
			return 0, false, 0, ctx.Err()
		}
	}
}

// wayBack is what the server's log says of its start, in milliseconds from the kill.
func (h *hall) wayBack(killed time.Time, took time.Duration) []string {
	if !h.traced {
		return nil
	}
	log, err := os.ReadFile(filepath.Join(h.demo.Options.Dir, "hotline.log"))
	if err != nil {
		return []string{err.Error()}
	}
	out := []string{"  way back after a kill:", fmt.Sprintf("  %10s   %s", "ms", "")}
	for line := range bytes.Lines(log) {
		var said map[string]any
		if json.Unmarshal(line, &said) != nil {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(said["time"]))
		if since := at.Sub(killed); err == nil && since > 0 && since < took {
			what := []string{fmt.Sprint(said["msg"])}
			for _, part := range slices.Sorted(maps.Keys(said)) {
				if strings.HasSuffix(part, "_ms") {
					what = append(what, fmt.Sprintf("%s %v", part, said[part]))
				}
			}
			out = append(out, fmt.Sprintf("  %10d   %s", since.Milliseconds(), strings.Join(what, " ")))
		}
	}
	return append(out, fmt.Sprintf("  %10d   INVITE seen", took.Milliseconds()))
}

// look starts the process that knows the least.
func (h *hall) look(ctx context.Context, o Options) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return 0, fmt.Errorf("folder of the bench: %w", err)
	}
	args := append([]string{"look", "--database-url-file=" + filepath.Join(dir, "secrets/controller-database-url")}, exchangeArgs(h.demo, dir)...)
	began := time.Now()
	out, err := exec.CommandContext(ctx, self, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("the bare start: %w: %s", err, tail(out))
	}
	return time.Since(began), nil
}
