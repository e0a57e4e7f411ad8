package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"hotline/cmd/sim/play"
)

type playCmd struct {
	Base         string   `default:"http://127.0.0.1:8080" help:"The server."`
	Trunk        string   `default:"127.0.0.1:5060" help:"Where the trunk listens."`
	Number       string   `default:"12345" help:"Number that citizens dial."`
	Cache        string   `default:".cache" type:"path" help:"Folder of what they say."`
	Official     []string `placeholder:"LOGIN@SEAT" help:"Somebody who answers at that seat."`
	PasswordFile string   `type:"path" default:".run/demo/secrets/password" help:"File with the password of them all."`
	Calls        bool     `default:"true" negatable:"" help:"Citizens call."`
}

// Run plays until it is told to stop.
func (c *playCmd) Run(ctx context.Context) error {
	p := play.Play{
		Base: c.Base, Trunk: c.Trunk, Number: c.Number, Cache: c.Cache, Calls: c.Calls,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, o := range c.Official {
		login, seat, ok := strings.Cut(o, "@")
		if !ok || login == "" || seat == "" {
			return fmt.Errorf("--official=%s: want LOGIN@SEAT", o)
		}
		p.Officials = append(p.Officials, play.Official{LoginName: login, Seat: seat})
	}
	if len(p.Officials) > 0 {
		password, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
		for i := range p.Officials {
			p.Officials[i].Password = strings.TrimSpace(string(password))
		}
	}
	return p.Run(ctx)
}
