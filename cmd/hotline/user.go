package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	"hotline/agent/auth"
	agentstore "hotline/agent/store"
)

type userCmd struct {
	DatabaseURLFile string      `name:"database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_app."`
	Add             userAddCmd  `cmd:"" help:"Add a person; the first password is printed once."`
	Password        userPassCmd `cmd:"" help:"Set a password, read from standard input, or a random one; ends the person's logins."`
	List            userListCmd `cmd:"" help:"List everybody."`
	Disable         userOffCmd  `cmd:"" help:"Bar a person from signing in."`
	Enable          userOnCmd   `cmd:"" help:"Let a person in again."`
	Unlock          userFreeCmd `cmd:"" help:"Let a person try again whose account wrong passwords have locked."`
}

// people opens what the user commands share.
func (c *userCmd) people(e env) (*auth.Service, *agentstore.Store, func(), error) {
	ctx := e.ctx
	dbURL, err := secret("database-url-file", c.DatabaseURLFile)
	if err != nil {
		return nil, nil, nil, err
	}
	pool, err := pgxpool.New(ctx, dbURL)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("open Postgres: %w", err)
	}
	if err := checkDatabase(ctx, pool); err != nil {
		pool.Close()
		return nil, nil, nil, err
	}
	store := agentstore.New(pool, nil)
	svc := auth.New(auth.Config{Store: store, Now: time.Now, Log: e.log})
	return svc, store, pool.Close, nil
}

type userAddCmd struct {
	LoginName string   `arg:"" help:"Name to sign in with: small letters, digits, . _ -"`
	Name      string   `required:"" help:"The person's name."`
	Unit      string   `help:"Code of the person's unit."`
	Roles     []string `required:"" name:"role" help:"official, recorder, operator, supervisor, office, unit, system_admin, security_admin, audit_admin."`
}

// Run adds the person with a random first password.
func (c *userAddCmd) Run(e env, u *userCmd) error {
	svc, _, done, err := u.people(e)
	if err != nil {
		return err
	}
	defer done()
	password := auth.RandomPassword()
	roles := make([]agent.Role, len(c.Roles))
	for i, r := range c.Roles {
		roles[i] = agent.Role(r)
	}
	p := auth.NewPerson{LoginName: c.LoginName, Name: c.Name, Unit: c.Unit, Roles: roles, Password: password}
	if _, err := svc.CreatePerson(e.ctx, p, actorCLI()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(e.stdout, "%s may sign in with the password %s\n", c.LoginName, password)
	return nil
}

// actorCLI is who runs a command, in the audit trail: cli:root@hall-1, the operating system's user and the machine.
func actorCLI() string {
	who, where := strconv.Itoa(os.Geteuid()), "unknown"
	if u, err := user.LookupId(who); err == nil {
		who = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		where = host
	}
	return "cli:" + who + "@" + where
}

type userPassCmd struct {
	LoginName string `arg:""`
	Random    bool   `help:"Make one and print it."`
}

// Run sets the password.
func (c *userPassCmd) Run(e env, u *userCmd) error {
	svc, _, done, err := u.people(e)
	if err != nil {
		return err
	}
	defer done()
	password := auth.RandomPassword()
	if !c.Random {
		if password, err = readLine(os.Stdin); err != nil {
			return err
		}
	}
	if err := svc.SetPassword(e.ctx, c.LoginName, password, actorCLI()); err != nil {
		return noSuchPerson(c.LoginName, err)
	}
	if c.Random {
		_, _ = fmt.Fprintf(e.stdout, "%s may sign in with the password %s\n", c.LoginName, password)
	}
	return nil
}

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.Join(errors.New("no password on standard input: give one line, or --random"), ignoreEOF(err))
	}
	return line, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type userListCmd struct{}

// Run lists.
func (userListCmd) Run(e env, u *userCmd) error {
	_, store, done, err := u.people(e)
	if err != nil {
		return err
	}
	defer done()
	all, err := store.People(e.ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "LOGIN\tNAME\tUNIT\tROLES\tSTATE")
	for _, p := range all {
		state := "active"
		if !p.DisabledAt.IsZero() {
			state = "disabled " + p.DisabledAt.Format(time.DateOnly)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", p.LoginName, p.Name, p.UnitName, p.Roles, state)
	}
	return w.Flush()
}

type userOffCmd struct {
	LoginName string `arg:""`
}

// Run bars.
func (c userOffCmd) Run(e env, u *userCmd) error { return u.setDisabled(e, c.LoginName, true) }

type userOnCmd struct {
	LoginName string `arg:""`
}

// Run lets in.
func (c userOnCmd) Run(e env, u *userCmd) error { return u.setDisabled(e, c.LoginName, false) }

func (c *userCmd) setDisabled(e env, loginName string, disabled bool) error {
	svc, _, done, err := c.people(e)
	if err != nil {
		return err
	}
	defer done()
	return noSuchPerson(loginName, svc.SetDisabled(e.ctx, loginName, disabled, actorCLI()))
}

type userFreeCmd struct {
	LoginName string `arg:""`
}

// Run forgives.
func (c userFreeCmd) Run(e env, u *userCmd) error {
	svc, _, done, err := u.people(e)
	if err != nil {
		return err
	}
	defer done()
	if err := svc.Unlock(e.ctx, c.LoginName, actorCLI()); err != nil {
		return noSuchPerson(c.LoginName, err)
	}
	_, _ = fmt.Fprintf(e.stdout, "%s may try again\n", c.LoginName)
	return nil
}

func noSuchPerson(loginName string, err error) error {
	if errors.Is(err, agent.ErrNotFound) {
		return fmt.Errorf("nobody signs in as %q: see 'hotline user list'", loginName)
	}
	return err
}
