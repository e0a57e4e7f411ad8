package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/agent/calendar"
	"hotline/deploy/asterisk"
	"hotline/deploy/migrations"
)

type doctorCmd struct {
	settings `embed:""`

	Cache  string `default:".cache" type:"path" help:"Folder with the private Asterisk, if there is one."`
	Sounds string `type:"path" placeholder:"DIR" help:"Folder with the prompts and the music."`
	Config bool   `help:"Print every setting with its variable and default, and stop."`
}

// finding is one line of the doctor's report.
type finding struct {
	name   string
	detail string
	mend   string // empty: well
}

// Run looks at everything the server needs, prints a line each, and ends with 1 when anything is wrong.
func (c *doctorCmd) Run(e env) error {
	if c.Config {
		return printSettings(e)
	}
	var all []finding
	all = append(all, c.checkSettings()...)
	all = append(all, finding{name: "memory", detail: newCollector(os.Getenv, os.DirFS("/")).String()})
	all = append(all, c.checkPostgres(e.ctx)...)
	all = append(all, c.checkRedis(e.ctx), c.checkCalendar(time.Now()))
	all = append(all, c.checkExchange(e.ctx)...)
	wrong := 0
	for _, f := range all {
		mark := "ok  "
		if f.mend != "" {
			mark = "BAD "
			wrong++
		}
		_, _ = fmt.Fprintf(e.stdout, "%s %-22s %s\n", mark, f.name, f.detail)
		if f.mend != "" {
			_, _ = fmt.Fprintf(e.stdout, "     %-22s → %s\n", "", f.mend)
		}
	}
	if wrong > 0 {
		_, _ = fmt.Fprintf(e.stdout, "%d of %d need mending\n", wrong, len(all))
		return errFindings
	}
	return nil
}

func (c *doctorCmd) checkSettings() []finding {
	var out []finding
	if err := c.check(); err != nil {
		for line := range strings.Lines(err.Error()) {
			out = append(out, finding{"setting", "not usable", strings.TrimSpace(line)})
		}
	} else {
		out = append(out, finding{name: "settings", detail: "complete"})
	}
	for _, p := range []struct{ name, addr string }{{"listen", c.Listen}, {"metrics-listen", c.MetricsListen}} {
		out = append(out, checkPort(p.name, p.addr))
	}
	for _, f := range []string{c.DatabaseURLFile, c.ARIPasswordFile, c.NumberKeyFile} {
		if info, err := os.Stat(f); f != "" && err == nil && info.Mode().Perm()&0o007 != 0 {
			out = append(out, finding{"secret", f + " can be read by everybody", "chmod 600 " + f})
		}
	}
	return out
}

// checkPort: free, or held by a running hotline.
func checkPort(name, addr string) finding {
	l, err := net.Listen("tcp", addr) //nolint:noctx // binds and closes at once
	if err == nil {
		_ = l.Close()
		return finding{name: name, detail: addr + " is free"}
	}
	if strings.Contains(err.Error(), "in use") {
		return finding{name: name, detail: addr + " is in use (by a running hotline, if there is one)"}
	}
	return finding{name, addr + ": " + err.Error(), "choose another address (or set " + envName(name) + ")"}
}

func (c *doctorCmd) checkPostgres(ctx context.Context) []finding {
	const mend = "start Postgres, and put postgres://user@host/database into the file of --database-url-file"
	dbURL, err := secret("database-url-file", c.DatabaseURLFile)
	if err != nil {
		return []finding{{"postgres", err.Error(), mend}}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dbURL)
	if err != nil {
		return []finding{{"postgres", "not reached", mend}}
	}
	defer func() { _ = conn.Close(ctx) }()
	var version string
	if err := conn.QueryRow(ctx, `SHOW server_version`).Scan(&version); err != nil {
		return []finding{{"postgres", err.Error(), mend}}
	}
	out := []finding{{name: "postgres", detail: "version " + version}}
	if err := checkLocale(ctx, conn); err != nil {
		out = append(out, finding{"locale", err.Error(), "createdb --encoding UTF8 --locale C.UTF-8 --template template0"})
	} else {
		out = append(out, finding{name: "locale", detail: "UTF-8"})
	}
	have, want, err := migrations.Version(ctx, conn)
	switch {
	case err != nil:
		out = append(out, finding{"schema", err.Error(), "run 'hotline migrate'"})
	case have != want:
		out = append(out, finding{"schema", fmt.Sprintf("version %d, this program needs %d", have, want), "run 'hotline migrate'"})
	default:
		out = append(out, finding{name: "schema", detail: fmt.Sprintf("version %d", have)})
	}
	return out
}

func (c *doctorCmd) checkRedis(ctx context.Context) finding {
	const mend = "start Redis, and put unix:///path/to/redis.sock into the file of --redis-url-file"
	redisURL, err := secret("redis-url-file", c.RedisURLFile)
	if err != nil {
		return finding{"redis", err.Error(), mend}
	}
	rdb, err := openRedis(ctx, redisURL)
	if err != nil {
		return finding{"redis", "not reached", mend}
	}
	defer func() { _ = rdb.Close() }()
	policy := rdb.ConfigGet(ctx, "maxmemory-policy").Val()["maxmemory-policy"]
	if policy != "" && policy != "noeviction" {
		return finding{"redis", "maxmemory-policy is " + policy, "set it to noeviction: a thrown-away key is a caller without a place until the next comparison"}
	}
	return finding{name: "redis", detail: "answers; " + policy}
}

// checkCalendar warns as domain.md 3.3 no. 5 says: next year's paper is out in November as a rule.
func (c *doctorCmd) checkCalendar(now time.Time) finding {
	days, err := calendar.Vendored()
	if err != nil {
		return finding{"calendar", err.Error(), "the vendored file is damaged: build hotline anew"}
	}
	year := calendar.DateOf(now).Year
	if !days.Official(year) {
		return finding{"calendar", fmt.Sprintf("no official working days for %d: promises are provisional", year), "bring agent/calendar/cn-workdays.tsv up to date"}
	}
	detail := fmt.Sprintf("official through %d", year)
	if days.Official(year + 1) {
		detail = fmt.Sprintf("official through %d", year+1)
	}
	if day := calendar.DateOf(now); !days.Official(year+1) && day.Month == time.December {
		return finding{"calendar", detail + "; promises into next year are provisional", fmt.Sprintf("the State Council's paper for %d should be out: bring agent/calendar/cn-workdays.tsv up to date", year+1)}
	}
	return finding{name: "calendar", detail: detail}
}

func (c *doctorCmd) checkExchange(ctx context.Context) []finding {
	password, err := secret("ari-password-file", c.ARIPasswordFile)
	if err != nil {
		return []finding{{"asterisk", err.Error(), "write the ARI user's password into a file and name it"}}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out []finding
	for _, f := range asterisk.Check(ctx, asterisk.CheckConfig{
		Cache: c.Cache, ARIURL: c.ARIURL, ARIUser: c.ARIUser, ARIPassword: password, Sounds: asterisk.Sounds{Dir: c.Sounds},
	}) {
		mend := f.Mend
		if f.OK {
			mend = ""
		}
		out = append(out, finding{f.Name, f.Detail, mend})
	}
	return out
}
