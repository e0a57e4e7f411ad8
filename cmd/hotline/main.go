// Command hotline is the one server of the 12345 call centre: serve, and the acts around it. It wires; it decides nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"hotline/deploy/local"
)

// cli is the whole command line; each command is a struct with a Run method in a file of its own.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Migrate migrateCmd `cmd:"" help:"Bring the database to this version's schema."`
	OpenAPI openapiCmd `cmd:"" name:"openapi" help:"Print the OpenAPI 3.1 document of the HTTP API."`
	User    userCmd    `cmd:"" help:"Add people, set passwords, list, disable, unlock."`
	Vault   vaultCmd   `cmd:"" help:"Make and change the keys of citizens' numbers."`
	Assign  assignCmd  `cmd:"" help:"Say who may sit at which seat, list that, take it back."`
	Doctor  doctorCmd  `cmd:"" help:"Check every dependency and setting; one line each, with the mend."`
	Verify  verifyCmd  `cmd:"" help:"Prove the invariants on the live database; exit 1 with the rows that break one."`
	Demo    demoCmd    `cmd:"" help:"Run the whole product on this machine, with citizens who call."`
}

// env is what a command may use of the process it runs in.
type env struct {
	ctx    context.Context
	log    *slog.Logger
	stdout io.Writer
	stderr io.Writer
}

func main() {
	ctx, stop := local.UntilStopped(context.Background())
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is main without the process: tests call it. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("hotline"),
		kong.Description("The call centre of a government hotline: Asterisk, tickets, live boards."),
		kong.DefaultEnvars("HOTLINE"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 2
	}
	if err := unknownSettings(parser, environ); err != nil {
		_, _ = fmt.Fprintln(stderr, "hotline:", err)
		return 2
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "hotline:", err)
		return 2
	}
	log := slog.New(requestLog{slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo})})
	err = kctx.Run(env{ctx: ctx, log: log, stdout: stdout, stderr: stderr})
	switch {
	case err == nil, errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0
	case errors.Is(err, errFindings):
		return 1
	default:
		_, _ = fmt.Fprintln(stderr, "hotline:", err)
		return 1
	}
}

// errFindings: the command has printed what is wrong; nothing is to be added.
var errFindings = errors.New("findings")
