package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent/audit"
	"hotline/realtime/factlog"
	"hotline/telephony/ari"
	"hotline/telephony/line"
	callstore "hotline/telephony/store"
	ticketstore "hotline/ticketing/store"
)

type verifyCmd struct {
	ReactionsURLFile string        `name:"reactions-database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_reactions, who sees every row."`
	RedisURLFile     string        `name:"redis-url-file" type:"path" placeholder:"FILE" help:"File that holds the Redis URL; without it I6 and I13 are not proved."`
	RedisPrefix      string        `default:"hotline:" help:"Prefix of every Redis key."`
	ARIURL           string        `name:"ari-url" default:"http://127.0.0.1:8088" help:"Asterisk's HTTP server."`
	ARIUser          string        `name:"ari-user" default:"controller" help:"ARI user."`
	ARIPasswordFile  string        `name:"ari-password-file" type:"path" placeholder:"FILE" help:"File that holds the ARI password; without it I14 is not proved."`
	AuditAnchorFile  string        `name:"audit-anchor-file" type:"path" placeholder:"FILE" help:"File in which the server anchors the audit trail; without it nobody can tell a chain that was made anew."`
	Since            time.Duration `default:"24h" help:"How far back calls are looked at."`
}

// Run proves the invariants of reliability.md 5 as far as the evidence given goes, prints what breaks one, and names those that it
// can not prove.
func (c *verifyCmd) Run(e env) error {
	u := databaseFiles{ReactionsURLFile: c.ReactionsURLFile}.reactionsURL()
	cfg, err := u.config(4, "60s")
	if err != nil {
		return err
	}
	pool, err := pgxpool.NewWithConfig(e.ctx, cfg)
	if err != nil {
		return fmt.Errorf("open Postgres: %w", err)
	}
	defer pool.Close()
	if err := u.check(e.ctx, pool); err != nil { // who sees no row would find nothing wrong
		return err
	}
	if err := checkDatabase(e.ctx, pool); err != nil {
		return err
	}
	now := time.Now()
	evidence := callstore.Evidence{Since: now.Add(-c.Since)}
	if err := errors.Join(c.indexes(e, &evidence), c.exchange(e, &evidence)); err != nil {
		return err
	}
	breaches, err := callstore.Verify(e.ctx, pool, evidence)
	if err != nil {
		return err
	}
	more, err := ticketBreaches(e.ctx, pool, evidence.Since)
	if err != nil {
		return err
	}
	breaches = append(breaches, more...)
	more, unread := c.trail(e.ctx, pool)
	breaches = append(breaches, more...)
	for _, b := range breaches {
		_, _ = fmt.Fprintln(e.stdout, b)
	}
	holds, open := c.scope()
	if unread != nil { // what is found of the others is told all the same
		holds = slices.DeleteFunc(holds, func(i string) bool { return i == "I11" })
		open = append(open, "I11: "+unread.Error())
	}
	if len(breaches) == 0 {
		_, _ = fmt.Fprintln(e.stdout, strings.Join(holds, ", ")+" hold")
	}
	for _, o := range open {
		_, _ = fmt.Fprintln(e.stdout, "not examined: "+o)
	}
	if len(breaches) > 0 || unread != nil {
		return errFindings
	}
	return nil
}

// trail are the rows of the audit trail that are not as they were written (I11).
func (c *verifyCmd) trail(ctx context.Context, pool *pgxpool.Pool) ([]callstore.Breach, error) {
	findings, err := audit.Verify(ctx, pool, c.AuditAnchorFile)
	if err != nil {
		return nil, err
	}
	out := make([]callstore.Breach, len(findings))
	for i, f := range findings {
		out[i] = callstore.Breach{Invariant: "I11", What: "audit rows " + f.What, Rows: f.Rows}
	}
	return out, nil
}

// ticketBreaches are those of the tickets, and of the facts that they follow from.
func ticketBreaches(ctx context.Context, pool *pgxpool.Pool, since time.Time) ([]callstore.Breach, error) {
	without, several, err := ticketstore.New(pool, nil).Breaches(ctx, since)
	if err != nil {
		return nil, err
	}
	unsettled, err := factlog.Unsettled(ctx, pool, factlog.Reaction{Consumer: ticketstore.Consumer, Kinds: ticketstore.Kinds(), Wants: ticketstore.Wants})
	if err != nil {
		return nil, err
	}
	var found []callstore.Breach
	for _, b := range []callstore.Breach{
		{Invariant: "I7", What: "calls without their ticket", Rows: without},
		{Invariant: "I7", What: "calls with several first tickets", Rows: several},
		{Invariant: "I10", What: "facts that took no effect on tickets", Rows: unsettled},
	} {
		if len(b.Rows) > 0 {
			found = append(found, b)
		}
	}
	return found, nil
}

// scope is what is examined, and what is not, and why.
func (c *verifyCmd) scope() ([]string, []string) {
	examined := []string{"I2", "I3", "I4", "I5", "I7", "I9", "I10", "I11"}
	open := []string{"I1: needs the exchange's own records of calls"}
	if c.RedisURLFile != "" {
		examined = append(examined, "I6", "I13")
	} else {
		open = append(open, "I6, I13: need --redis-url-file")
	}
	if c.ARIPasswordFile != "" {
		examined = append(examined, "I14")
	} else {
		open = append(open, "I14: needs --ari-password-file")
	}
	if c.AuditAnchorFile == "" {
		open = append(open, "I11 against its anchor: needs --audit-anchor-file")
	}
	open = append(open, "I8: how long seats were in which state is not recorded yet", "I12: there are no recordings yet")
	return examined, open
}

func (c *verifyCmd) indexes(e env, evidence *callstore.Evidence) error {
	if c.RedisURLFile == "" {
		return nil
	}
	redisURL, err := secret("redis-url-file", c.RedisURLFile)
	if err != nil {
		return err
	}
	rdb, err := openRedis(e.ctx, redisURL)
	if err != nil {
		return err
	}
	evidence.Lines, err = line.New(rdb, c.RedisPrefix)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	return nil
}

// exchange asks what exists. It opens no event socket: that would take the calls over.
func (c *verifyCmd) exchange(e env, evidence *callstore.Evidence) error {
	if c.ARIPasswordFile == "" {
		return nil
	}
	password, err := secret("ari-password-file", c.ARIPasswordFile)
	if err != nil {
		return err
	}
	client, err := ari.New(ari.Config{URL: c.ARIURL, User: c.ARIUser, Password: password, App: "hotline", Log: e.log})
	if err != nil {
		return fmt.Errorf("reach Asterisk: %w", err)
	}
	snapshot, err := client.Snapshot(e.ctx)
	if err != nil {
		return fmt.Errorf("ask Asterisk what exists: %w", err)
	}
	evidence.Snapshot = &snapshot
	return nil
}
