package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/realtime/factlog"
)

// prepareFacts readies the fact log for the days to come: at the start and then every hour. While that fails nothing is missed, for weeks.
func (s *server) prepareFacts(ctx context.Context) error {
	const every, again = time.Hour, time.Minute
	for {
		rest := every
		made, err := factlog.Prepare(ctx, s.web)
		switch {
		case err != nil && ctx.Err() == nil:
			rest = again
			s.log.WarnContext(ctx, "the days to come have no place in the fact log yet, trying again", slog.Any("err", err))
		case made > 0:
			s.log.InfoContext(ctx, "the fact log is prepared", slog.Int("days", made))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rest):
		}
	}
}

// settleFacts does for the fact log what only the owner may, and what a server does.
func settleFacts(e env, conn *pgx.Conn) error {
	settled, err := factlog.Settle(e.ctx, conn)
	if err != nil {
		return err
	}
	made, err := factlog.Prepare(e.ctx, conn)
	if err != nil {
		return err
	}
	if settled > 0 {
		_, _ = fmt.Fprintf(e.stdout, "facts: %d that had no day have one now\n", settled)
	}
	if made > 0 {
		_, _ = fmt.Fprintf(e.stdout, "facts: %d days prepared\n", made)
	}
	return nil
}

// checkFactDays : a day without its part of the log refuses no call, but somebody has to know.
func checkFactDays(ctx context.Context, db factlog.DB) finding {
	const name = "fact log"
	d, err := factlog.LookAtDays(ctx, db)
	switch {
	case err != nil:
		return finding{name, err.Error(), "run 'hotline migrate'"}
	case d.Strays > 0:
		return finding{name, fmt.Sprintf("%d facts are of days that were not prepared; they are read like all others", d.Strays), "run 'hotline migrate' in a quiet moment: whoever writes facts waits for it"}
	case d.Ready < factlog.FewDays:
		return finding{
			name, fmt.Sprintf("only %d days are prepared, today among them", d.Ready),
			"run 'hotline migrate', and look into the server's log why it has prepared none: it does so every hour",
		}
	}
	return finding{name: name, detail: fmt.Sprintf("prepared for %d days", d.Ready)}
}
