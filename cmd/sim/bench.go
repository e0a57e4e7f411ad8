package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"hotline/cmd/sim/bench"
)

type benchCmd struct {
	Dir     string        `default:".run/bench" type:"path" help:"Folder of everything the bench stores; emptied before."`
	Cache   string        `default:".cache" type:"path" help:"Folder of what is installed once."`
	Pairs   int           `default:"5" help:"Turns of each opponent."`
	Seats   int           `default:"20" help:"Officials."`
	Waiting int           `default:"300" help:"Citizens who wait all the time. Each hears music: 50 packets a second, and a thread of Asterisk's: 60 leaves the cores half free."`
	Rate    float64       `default:"100" help:"At which they call, per second."`
	Window  time.Duration `default:"10s" help:"How long each turn is measured."`
	Only    string        `help:"Let only this one take turns in B1 and B2, to look into it: Queue(), hotline or ARI floor."`
	Boards  int           `default:"500" help:"Boards that listen during B3."`
	Pops    int           `default:"40" help:"Calls of one turn of B3."`
}

// Run brings everything up in an empty folder and measures.
func (c *benchCmd) Run(ctx context.Context) error {
	binary, err := bench.Binary()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("empty the bench's folder: %w", err)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the SIP library's words about packets that come too late
	began := time.Now()
	return bench.Run(ctx, bench.Options{
		Dir: c.Dir, Cache: c.Cache, Binary: binary, Pairs: c.Pairs, Seats: c.Seats, Waiting: c.Waiting, Rate: c.Rate, Window: c.Window,
		TalkMin: 1500 * time.Millisecond, TalkMax: 3500 * time.Millisecond, Only: c.Only, Boards: c.Boards, Pops: c.Pops,
		Out: os.Stdout, Say: func(line string) { _, _ = fmt.Fprintf(os.Stderr, "· %5.1fs  %s\n", time.Since(began).Seconds(), line) },
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}
