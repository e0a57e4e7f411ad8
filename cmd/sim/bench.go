package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"hotline/cmd/sim/bench"
)

type benchCmd struct {
	Dir     string        `default:".run/bench" type:"path" help:"Folder of everything the bench stores; emptied before."`
	Cache   string        `default:".cache" type:"path" help:"Folder of what is installed once."`
	Only    []string      `help:"Only these parts: b1 (B1 and B2 when a seat hangs up, and what a call costs), full (the same with more waiting), next (the same by 请接下一位), b3, b4, commands (1,000 a second on one core, and what a key costs), b8. Or only these opponents in B1 and B2, to look into one: Queue(), hotline, ARI floor."`
	Trace   bool          `help:"Print the ways of calls, step by step."`
	Pairs   int           `default:"5" help:"Turns of each opponent."`
	Seats   int           `default:"20" help:"Officials."`
	Waiting int           `default:"60" help:"Citizens who wait all the time. Each hears music: 50 packets a second, and a thread of Asterisk's: 60 leaves the cores half free."`
	Full    int           `default:"300" help:"Citizens who wait in the part that is full."`
	Rate    float64       `default:"100" help:"At which they call, per second."`
	Window  time.Duration `default:"8s" help:"How long each turn is measured."`
	Boards  int           `default:"500" help:"Boards that listen during B3."`
	Pops    int           `default:"40" help:"Calls of one turn of B3."`
	Burst   time.Duration `default:"3s" help:"How long each turn of B4 takes; whole seconds."`
	Crowd   int           `default:"1000" help:"Citizens who wait in B8."`
	Kills   int           `default:"5" help:"Of hotline in B8."`
}

// Run brings everything up in an empty folder and measures.
func (c *benchCmd) Run(ctx context.Context) error {
	parts, only, err := c.parts()
	if err != nil {
		return err
	}
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
		Dir: c.Dir, Cache: c.Cache, Binary: binary, Parts: parts, Only: only, Pairs: c.Pairs, Seats: c.Seats, Waiting: c.Waiting, Full: c.Full,
		FullPairs: min(c.Pairs, 2), Rate: c.Rate, Window: c.Window, TalkMin: 1500 * time.Millisecond, TalkMax: 3500 * time.Millisecond,
		Boards: c.Boards, Pops: c.Pops, Burst: c.Burst, Crowd: c.Crowd, Kills: c.Kills, Trace: c.Trace,
		Out: os.Stdout, Say: func(line string) { _, _ = fmt.Fprintf(os.Stderr, "· %5.1fs  %s\n", time.Since(began).Seconds(), line) },
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// parts tells parts from opponents.
func (c *benchCmd) parts() ([]string, []string, error) {
	var parts, only []string
	for _, word := range c.Only {
		switch part := strings.ToLower(word); {
		case slices.Contains(bench.Parts(), part):
			parts = append(parts, part)
		case part == "b2": // the same turns
			parts = append(parts, bench.PartQueue)
		case slices.Contains(bench.Opponents(), word):
			only = append(only, word)
		default:
			return nil, nil, fmt.Errorf("--only=%s: say %s, or %s", word, strings.Join(bench.Parts(), ", "), strings.Join(bench.Opponents(), ", "))
		}
	}
	if len(parts) == 0 {
		parts = bench.Parts()
	}
	return parts, only, nil
}
