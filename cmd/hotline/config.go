package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// databaseFiles hold the URLs by which a server reaches its database: as whom it acts for people, for calls, and for what follows from
// them. Rights are in the roles, so that no statement has to ask for them (RS3).
type databaseFiles struct {
	DatabaseURLFile   string `name:"database-url-file" type:"path" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_app."`
	ControllerURLFile string `name:"controller-database-url-file" type:"path" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_controller."`
	ReactionsURLFile  string `name:"reactions-database-url-file" type:"path" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_reactions."`
}

// settings are the technical settings of a running server: flags, or HOTLINE_… variables of the same name. Business
// settings are rows in the database, edited in the panel.
type settings struct {
	Listen        string `default:"127.0.0.1:8080" help:"Address of panel, API and sockets. Beyond loopback only behind TLS."`
	MetricsListen string `default:"127.0.0.1:9090" help:"Address of /metrics; loopback only."`
	databaseFiles `embed:""`

	RedisURLFile      string    `name:"redis-url-file" type:"path" placeholder:"FILE" help:"File that holds the Redis URL."`
	RedisPrefix       string    `default:"hotline:" help:"Prefix of every Redis key."`
	ARIURL            string    `name:"ari-url" default:"http://127.0.0.1:8088" help:"Asterisk's HTTP server."`
	ARIUser           string    `name:"ari-user" default:"controller" help:"ARI user."`
	ARIPasswordFile   string    `name:"ari-password-file" type:"path" placeholder:"FILE" help:"File that holds the ARI password."`
	NumberKeyFile     string    `name:"number-key-file" type:"path" placeholder:"FILE" help:"File with the keys for citizens' numbers, made by hotline vault init."`
	JournalDir        string    `name:"journal-dir" type:"path" placeholder:"DIR" help:"Folder for what can not be stored while Postgres is away; made if absent. Default: <number-key-file>.journal."`
	AuditAnchorFile   string    `name:"audit-anchor-file" type:"path" placeholder:"FILE" help:"File in which the head of the audit trail is anchored every minute; best on a disk that the database's administrators cannot write. Default: <number-key-file>.anchor."`
	NetDir            string    `name:"net-dir" type:"path" placeholder:"DIR" help:"Folder in which Asterisk's dialplan writes down the calls that came while no controller listened (spool/net). Empty: they are not recorded."`
	Origins           []string  `help:"Origins that may open sockets, as the browser sends them. Default: http://<listen>."`
	TrustedProxy      []network `name:"trusted-proxy" placeholder:"NETWORK" help:"Addresses of the proxy that stands before us: whose X-Forwarded-For says who asks. Without it everybody behind a proxy counts as one."`
	Secure            bool      `help:"The panel is reached by TLS: Secure cookies, HSTS."`
	SIPSeats          bool      `name:"sip-seats" help:"Let seats use plain SIP telephones at fixed addresses (demo and load tests)."`
	SIPNetwork        []network `name:"sip-network" default:"127.0.0.0/8" help:"Where such telephones are: no other address is dialled for a seat."`
	PanelProxy        string    `placeholder:"URL" help:"Serve the panel from this development server."`
	SocketsPerAddress int       `default:"50" help:"Push sockets from one address; a hall behind one address needs more."`
	SocketsPerLogin   int       `default:"6" help:"Push sockets of one login: the pages that one person has open."`
	RequestsPerLogin  int       `default:"30" help:"Requests a second of one login to the API and to open sockets, and five times as many at once; 0: no limit."`
	TraceMarks        int       `default:"0" help:"Keep so many marks of the ways of calls for /debug/trace of the metrics address (make bench TRACE=1)."`
	Instance          string    `help:"Name of this start, which /readyz answers in the header Hotline-Instance: who has started it tells it from another hotline at its address."`
	ShutdownSeconds   int       `default:"5" help:"How long open requests may take at shutdown."`
}

// check refuses settings that cannot work, each with the mend.
func (s settings) check() error {
	var errs []error
	for _, f := range []struct{ name, value string }{
		{"database-url-file", s.DatabaseURLFile},
		{"controller-database-url-file", s.ControllerURLFile},
		{"reactions-database-url-file", s.ReactionsURLFile},
		{"redis-url-file", s.RedisURLFile},
		{"ari-password-file", s.ARIPasswordFile},
		{"number-key-file", s.NumberKeyFile},
	} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("--%s is missing: name the file (or set %s)", f.name, envName(f.name)))
		}
	}
	if !isLoopback(s.MetricsListen) {
		errs = append(errs, fmt.Errorf("--metrics-listen %s: metrics stay on loopback; use 127.0.0.1:port", s.MetricsListen))
	}
	if !isLoopback(s.Listen) && !s.Secure {
		errs = append(errs, fmt.Errorf("--listen %s is beyond loopback: put TLS before it and say --secure", s.Listen))
	}
	if u, err := url.Parse(s.ARIURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, fmt.Errorf("--ari-url %q: want http://host:port", s.ARIURL))
	}
	return errors.Join(errs...)
}

// origins are the configured ones, or the listen address itself under both of its names.
func (s settings) origins() []string {
	if len(s.Origins) > 0 {
		return s.Origins
	}
	_, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil
	}
	return []string{"http://" + s.Listen, "http://localhost:" + port}
}

// secret reads a one-line secret file.
func secret(name, path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", name, err)
	}
	v := strings.TrimSpace(string(b))
	if v == "" {
		return "", fmt.Errorf("--%s: %s is empty", name, path)
	}
	return v, nil
}

func envName(flag string) string {
	return "HOTLINE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// unknownSettings refuses HOTLINE_ variables that no command knows: a misspelt setting must not pass in silence.
func unknownSettings(k *kong.Kong, environ []string) error {
	known := map[string]bool{}
	_ = kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, e := range f.Envs {
				known[e] = true
			}
		}
		return next(nil)
	})
	var unknown []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "HOTLINE_") && !known[name] && !strings.HasPrefix(name, "HOTLINE_TEST_") && name != "HOTLINE_CRASH_AT" {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("unknown setting %s: see 'hotline serve --help' for the names, or unset it", strings.Join(unknown, ", "))
}
