// Command sim plays citizens and officials against a running hotline: for the demo, for load, for tests.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"hotline/deploy/local"
)

type cli struct {
	Call     callCmd     `cmd:"" help:"One citizen by SIPp; prints what is heard as JSON lines."`
	Citizens citizensCmd `cmd:"" help:"Many citizens by SIPp, at a rate."`
	Play     playCmd     `cmd:"" help:"Officials at some seats and citizens who call, until Ctrl-C: what 'hotline demo' shows."`
	Bench    benchCmd    `cmd:"" help:"Measures B1, B2, B3, B4 and B8 side by side with their opponents; about eleven minutes."`
	Floor    floorCmd    `cmd:"" hidden:"" help:"The opponent of B2 and B3."`
	Look     lookCmd     `cmd:"" hidden:"" help:"The opponent of B8."`
}

func main() {
	ctx, stop := local.UntilStopped(context.Background())
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("sim"), kong.Description("Citizens and officials for hotline."), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := k.Run(); err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintln(os.Stderr, "sim:", err)
		stop()
		os.Exit(1)
	}
}
