package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/setting"
	agentstore "hotline/agent/store"
)

// Hall is who works in the demo.
type Hall struct {
	Seats  int // officials' seats, A01 and up; each has an official and a recorder
	Ring   time.Duration
	WrapUp time.Duration // 0 with Quick: none at all
	Quick  bool          // load tests: no notice, no wrap-up
}

// Account is a person who may sign in.
type Account struct {
	LoginName string `json:"login_name"`
	Password  string `json:"password"`
	Name      string `json:"name"`
	Role      string `json:"role"`
	Seat      string `json:"seat,omitempty"`
}

// Line of the session's calls.
const Line agent.LineID = "session"

// hall seeds 43 units, an open session, seats and people; what is there already stays.
func (d *Demo) hall(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, d.AppURL())
	if err != nil {
		return fmt.Errorf("reach the demo's Postgres: %w", err)
	}
	defer pool.Close()
	store := agentstore.New(pool, nil)
	units, err := agentstore.SampleUnits()
	if err != nil {
		return err
	}
	if err := store.PutUnits(ctx, units); err != nil {
		return err
	}
	if err := d.line(ctx, store); err != nil {
		return err
	}
	now := time.Now()
	live, err := store.LiveSession(ctx)
	if errors.Is(err, agent.ErrNotFound) || err == nil && !live.ClosesAt.After(now) { // that of an earlier day takes nobody
		_, err = store.OpenSession(ctx, agentstore.NewSession{
			Unit: units[0].Code, Theme: "优化营商环境 服务企业发展", OpensAt: now, ClosesAt: now.Add(12 * time.Hour),
		})
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return d.people(ctx, store, units)
}

func (d *Demo) line(ctx context.Context, store *agentstore.Store) error {
	if err := store.PutLine(ctx, agentstore.Line{ID: Line, Name: "接热线、办实事", Number: Number}); err != nil {
		return err
	}
	h := d.Options.Hall
	rules := map[setting.Key]string{}
	if h.Ring > 0 || h.WrapUp > 0 {
		rules[setting.Ring], rules[setting.WrapUp] = seconds(max(h.Ring, 5*time.Second)), seconds(h.WrapUp)
	}
	if h.Quick {
		rules[setting.Notice], rules[setting.WrapUp] = "", "0"
	}
	for key, value := range rules {
		if err := store.TuneLine(ctx, Line, key, value, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// people makes one account per place; the demo has one password for all, made at its first start.
func (d *Demo) people(ctx context.Context, store *agentstore.Store, units []agent.Unit) error {
	password, err := d.password()
	if err != nil {
		return err
	}
	door := auth.New(auth.Config{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	seats := make([]agentstore.Seat, d.Options.Hall.Seats)
	d.People = []Account{
		{LoginName: "banzhang", Name: "周班长", Role: "supervisor"},
		{LoginName: "bangongting", Name: "吴文书", Role: "office"},
		{LoginName: "bangongting02", Name: "郑文书", Role: "office"}, // the second person
	}
	for i := range seats {
		id := fmt.Sprintf("A%02d", i+1)
		unit := units[i%len(units)]
		seats[i] = agentstore.Seat{ID: agent.SeatID(id), Line: Line, Kind: agent.SeatOfficial, Unit: unit.Code, Label: unit.ShortName}
		d.People = append(d.People,
			Account{LoginName: "jieting" + id[1:], Name: surname(i) + "处长", Role: "official", Seat: id},
			Account{LoginName: "jilu" + id[1:], Name: surname(i+7) + "记录", Role: "recorder", Seat: id})
	}
	if err := store.PutSeats(ctx, time.Now(), seats...); err != nil {
		return err
	}
	known, err := store.People(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, p := range known {
		there[p.LoginName] = true
	}
	for i := range d.People {
		p := &d.People[i]
		p.Password = password
		if there[p.LoginName] {
			continue
		}
		_, err := door.CreatePerson(ctx, auth.NewPerson{LoginName: p.LoginName, Name: p.Name, Roles: []agent.Role{agent.Role(p.Role)}, Password: password}, "demo")
		if err != nil {
			return fmt.Errorf("add %s: %w", p.LoginName, err)
		}
	}
	return d.assign(ctx, store)
}

// assign gives everybody their own seat, as a standing shift.
func (d *Demo) assign(ctx context.Context, store *agentstore.Store) error {
	for _, p := range d.People {
		if p.Seat == "" {
			continue
		}
		n := agent.NewAssignment{LoginName: p.LoginName, Seat: agent.SeatID(p.Seat), Place: agent.Place(p.Role)}
		if _, err := store.Assign(ctx, n, "demo", time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func surname(i int) string {
	names := []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
	return string(names[i%len(names)])
}

// password is the demo's own, random, kept in its folder.
func (d *Demo) password() (string, error) {
	path := d.secret("password")
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	password := auth.RandomPassword()[:14]
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the demo's password: %w", err)
	}
	return password, nil
}
