package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	agentstore "hotline/agent/store"
)

type assignCmd struct {
	DatabaseURLFile string          `name:"database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_app."`
	Add             assignAddCmd    `cmd:"" help:"Let a person sit at a place: in a session, or as a standing shift."`
	List            assignListCmd   `cmd:"" help:"List who may sit where."`
	Remove          assignRemoveCmd `cmd:"" help:"Take an assignment back; who sits there by it loses the place."`
}

// hall opens what the commands share.
func (c *assignCmd) hall(ctx context.Context) (*agentstore.Store, func(), error) {
	dbURL, err := secret("database-url-file", c.DatabaseURLFile)
	if err != nil {
		return nil, nil, err
	}
	pool, err := pgxpool.New(ctx, dbURL)
	if err != nil {
		return nil, nil, fmt.Errorf("open Postgres: %w", err)
	}
	if err := checkDatabase(ctx, pool); err != nil {
		pool.Close()
		return nil, nil, err
	}
	return agentstore.New(pool, nil), pool.Close, nil
}

type assignAddCmd struct {
	LoginName string `arg:"" help:"Who."`
	Seat      string `arg:"" help:"A01"`
	Place     string `arg:"" help:"official, recorder, deputy, room, supervisor; at an operator's seat: operator, recorder, supervisor."`
	Session   int    `placeholder:"NUMBER" help:"Number of the session; without it the assignment is a standing shift."`
}

// Run assigns.
func (c *assignAddCmd) Run(e env, a *assignCmd) error {
	store, done, err := a.hall(e.ctx)
	if err != nil {
		return err
	}
	defer done()
	n := agent.NewAssignment{LoginName: c.LoginName, Seat: agent.SeatID(c.Seat), Place: agent.Place(c.Place), Session: c.Session}
	fresh, err := store.Assign(e.ctx, n, actorCLI(), time.Now())
	if err != nil {
		return err
	}
	said := "is assigned"
	if !fresh {
		said = "was assigned already"
	}
	_, _ = fmt.Fprintf(e.stdout, "%s to %s (%s), %s\n", c.LoginName+" "+said, c.Seat, c.Place, shift(c.Session))
	return nil
}

func shift(session int) string {
	if session == 0 {
		return "standing shift"
	}
	return "session " + strconv.Itoa(session)
}

type assignListCmd struct{}

// Run lists.
func (assignListCmd) Run(e env, a *assignCmd) error {
	store, done, err := a.hall(e.ctx)
	if err != nil {
		return err
	}
	defer done()
	all, err := store.Assignments(e.ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tSEAT\tPLACE\tLOGIN\tNAME\tFOR\tNOW")
	for _, x := range all {
		now := "no"
		if x.Holds {
			now = "yes"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, x.Seat, x.Place, x.LoginName, x.PersonName, shift(x.Session), now)
	}
	return w.Flush()
}

type assignRemoveCmd struct {
	ID string `arg:"" help:"Of the assignment, as 'hotline assign list' prints it."`
}

// Run takes back.
func (c *assignRemoveCmd) Run(e env, a *assignCmd) error {
	store, done, err := a.hall(e.ctx)
	if err != nil {
		return err
	}
	defer done()
	err = store.Unassign(e.ctx, c.ID, actorCLI(), time.Now())
	if errors.Is(err, agent.ErrNotFound) {
		return fmt.Errorf("there is no assignment %s: see 'hotline assign list'", c.ID)
	}
	return err
}
