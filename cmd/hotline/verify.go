package main

import (
	"errors"
	"fmt"
	"time"

	"hotline/telephony/ari"
	"hotline/telephony/line"
	callstore "hotline/telephony/store"
)

type verifyCmd struct {
	DatabaseURLFile string        `name:"database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL."`
	RedisURLFile    string        `name:"redis-url-file" type:"path" placeholder:"FILE" help:"File that holds the Redis URL; without it I6 and I13 are not proved."`
	RedisPrefix     string        `default:"hotline:" help:"Prefix of every Redis key."`
	ARIURL          string        `name:"ari-url" default:"http://127.0.0.1:8088" help:"Asterisk's HTTP server."`
	ARIUser         string        `name:"ari-user" default:"controller" help:"ARI user."`
	ARIPasswordFile string        `name:"ari-password-file" type:"path" placeholder:"FILE" help:"File that holds the ARI password; without it I14 is not proved."`
	Since           time.Duration `default:"24h" help:"How far back calls are looked at."`
}

// Run proves the invariants I1 to I6, I13 and I14 as far as the evidence given goes, and prints what breaks one.
func (c *verifyCmd) Run(e env) error {
	dbURL, err := secret("database-url-file", c.DatabaseURLFile)
	if err != nil {
		return err
	}
	pool, err := openPool(e.ctx, dbURL, 4, map[string]string{"statement_timeout": "60s"})
	if err != nil {
		return err
	}
	defer pool.Close()
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
	for _, b := range breaches {
		_, _ = fmt.Fprintln(e.stdout, b)
	}
	if len(breaches) > 0 {
		return errFindings
	}
	_, _ = fmt.Fprintln(e.stdout, c.proved())
	return nil
}

func (c *verifyCmd) proved() string {
	said := "I1–I5 hold"
	if c.RedisURLFile != "" {
		said += "; I6, I13 hold"
	}
	if c.ARIPasswordFile != "" {
		said += "; I14 holds"
	}
	return said
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
