package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent/calendar"
	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/agent/vault"
	"hotline/cmd/hotline/demo"
	"hotline/deploy/asterisk"
	"hotline/deploy/migrations"
	callstore "hotline/telephony/store"
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
	all = append(all, finding{name: "built with", detail: demo.Tools(e.ctx)})
	all = append(all, c.checkPostgres(e.ctx)...)
	all = append(all, c.checkRoles(e.ctx)...)
	all = append(all, c.checkRedis(e.ctx), c.checkCalendar(e.ctx, time.Now()))
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
	if c.Secure && len(c.TrustedProxy) == 0 {
		out = append(out, finding{
			"trusted-proxy", "everybody behind the TLS proxy counts as one address",
			"name the proxy's address by --trusted-proxy, and let it set X-Forwarded-For",
		})
	}
	for _, p := range []struct{ name, addr string }{{"listen", c.Listen}, {"metrics-listen", c.MetricsListen}} {
		out = append(out, checkPort(p.name, p.addr))
	}
	return append(out, c.checkUsers(os.DirFS("/"))...)
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
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := c.appURL().connect(ctx)
	if err != nil {
		return []finding{{"postgres", err.Error(), mend}}
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
	return append(out, checkStatementLogs(ctx, conn), checkAssignments(ctx, conn), checkFactDays(ctx, conn))
}

// checkRoles looks at each of the roles that the server acts as, and at the keys as the one that uses them.
func (c *doctorCmd) checkRoles(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var out []finding
	for _, u := range []databaseURL{c.appURL(), c.controllerURL(), c.reactionsURL()} {
		conn, err := u.connect(ctx)
		if err != nil {
			out = append(out, finding{"role", err.Error(), u.mend()})
			continue
		}
		if err = u.checkConn(ctx, conn); err != nil {
			out = append(out, finding{"role", err.Error(), u.mend()})
		} else {
			out = append(out, finding{name: "role", detail: conn.Config().User + " may do what is granted, and no more"})
		}
		if u.role == migrations.RoleController {
			out = append(out, c.checkKeys(ctx, conn))
		}
		if u.role == migrations.RoleReactions {
			out = append(out, checkParked(ctx, conn))
		}
		_ = conn.Close(ctx)
	}
	return out
}

// checkAssignments : where nothing is assigned nobody sits (RS4), and on the morning of a session that is found too late.
func checkAssignments(ctx context.Context, conn *pgx.Conn) finding {
	var n int
	var seats bool
	if err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM assignment), EXISTS (SELECT FROM seat)`).Scan(&n, &seats); err != nil {
		return finding{"assignments", err.Error(), "run 'hotline migrate'"}
	}
	if seats && n == 0 {
		return finding{"assignments", "no place is assigned to anybody: nobody can take a seat", "run 'hotline assign add' for each place"}
	}
	return finding{name: "assignments", detail: strconv.Itoa(n)}
}

// checkKeys compares the key file with the database (RS13).
func (c *doctorCmd) checkKeys(ctx context.Context, conn *pgx.Conn) finding {
	v, err := vault.Open(c.NumberKeyFile)
	if err == nil {
		err = callstore.CheckKeys(ctx, conn, v)
	}
	if err != nil {
		return finding{"number keys", err.Error(), "run 'hotline vault status', and what it names"}
	}
	return finding{name: "number keys", detail: "they are the database's"}
}

// checkStatementLogs: what citizens said must not stand in the database's log, however slow or wrong a statement is (RS2).
func checkStatementLogs(ctx context.Context, conn *pgx.Conn) finding {
	var wrong []string
	for _, s := range []struct{ name, want string }{
		{"log_parameter_max_length", "0"}, {"log_parameter_max_length_on_error", "0"}, {"log_error_verbosity", "terse"},
	} {
		var is string
		if err := conn.QueryRow(ctx, `SELECT setting FROM pg_settings WHERE name = $1`, s.name).Scan(&is); err != nil || is != s.want {
			wrong = append(wrong, s.name+" = "+s.want)
		}
	}
	if len(wrong) > 0 {
		return finding{"postgres log", "may hold what citizens said", "in postgresql.conf: " + strings.Join(wrong, ", ")}
	}
	return finding{name: "postgres log", detail: "holds no parameters"}
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
	version, err := demo.RedisVersion(ctx, rdb)
	if err != nil {
		return finding{"redis", err.Error(), mend}
	}
	return finding{name: "redis", detail: "version " + version + "; " + policy}
}

// checkCalendar warns as domain.md 3.3 no. 5 says: next year's paper is out in November as a rule.
func (c *doctorCmd) checkCalendar(ctx context.Context, now time.Time) finding {
	days, err := calendar.Vendored()
	if err != nil {
		return finding{"calendar", err.Error(), "the vendored file is damaged: build hotline anew"}
	}
	book, err := c.readSettings(ctx)
	if err == nil {
		days, err = calendar.WithPapers(papersOf(book, now))
	}
	if err != nil {
		return finding{"calendar", "the working days of the settings are not counted with: " + err.Error(), "propose the paper of that year anew, on the panel's page of settings"}
	}
	year := calendar.DateOf(now).Year
	if !days.Official(year) {
		return finding{"calendar", fmt.Sprintf("no official working days for %d: promises are provisional", year), "enter the paper of the State Council on the panel's page of settings"}
	}
	detail := fmt.Sprintf("official through %d", year)
	if days.Official(year + 1) {
		detail = fmt.Sprintf("official through %d", year+1)
	}
	if day := calendar.DateOf(now); !days.Official(year+1) && day.Month == time.December {
		return finding{"calendar", detail + "; promises into next year are provisional", fmt.Sprintf("the State Council's paper for %d should be out: enter it on the panel's page of settings", year+1)}
	}
	return finding{name: "calendar", detail: detail}
}

// readSettings reads the business settings as the server does.
func (c *doctorCmd) readSettings(ctx context.Context) (setting.Book, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cfg, err := c.reactionsURL().config(1, "5s")
	if err != nil {
		return setting.Book{}, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return setting.Book{}, err
	}
	defer pool.Close()
	return agentstore.New(pool, nil).Settings(ctx)
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
