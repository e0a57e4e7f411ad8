package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/floor"
	"hotline/cmd/sim/seat"
	"hotline/telephony"
	"hotline/telephony/ari"
)

// hall is all opponents on one Asterisk: hotline as a process with its stores, Queue() inside Asterisk, the store-less loop as
// another process.
type hall struct {
	demo       *demo.Demo
	telephones *telephones
	exchange   *ari.Client // to look at what exists and to hang up
	floor      *floorProcess
	people     map[string]*seat.Client
	sql        *pgx.Conn    // of the counters
	uncounted  error        // why statements are not counted
	sink       *net.UDPAddr // where citizens want their RTP: read by nobody
	log        *slog.Logger

	traced bool
	ways   []*way
}

func openHall(ctx context.Context, o Options) (*hall, error) {
	h := &hall{people: map[string]*seat.Client{}, traced: o.Trace, log: o.Log}
	if err := h.open(ctx, o); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	return h, nil
}

func (h *hall) open(ctx context.Context, o Options) error {
	var err error
	if h.telephones, err = openTelephones(ctx, fmt.Sprintf("127.0.0.3:%d", 6000+os.Getpid()%3000), o.Log); err != nil {
		return err
	}
	if h.sink, err = openSink(ctx); err != nil {
		return err
	}
	h.demo, err = demo.Start(ctx, demo.Options{
		Dir: o.Dir, Cache: o.Cache, Binary: o.Binary, Bench: true, Extra: configuration(o.Seats, h.telephones.phone.Addr()),
		Hall: demo.Hall{Seats: o.Seats, Quick: true}, ServerArgs: o.serverArgs(), Progress: o.Say, Log: o.Log,
	})
	if err != nil {
		return err
	}
	if h.sql, err = pgx.Connect(ctx, h.demo.DatabaseURL()); err != nil {
		return fmt.Errorf("reach the bench's Postgres: %w", err)
	}
	h.uncounted = countStatements(ctx, h.sql)
	x := h.demo.Exchange
	if h.exchange, err = ari.New(ari.Config{URL: x.ARIURL, User: x.ARIUser, Password: x.ARIPassword, App: floor.App, Log: h.log}); err != nil {
		return err
	}
	if h.floor, err = startFloor(ctx, h.demo, o); err != nil {
		return err
	}
	o.Say(fmt.Sprintf("signing %d officials in", o.Seats))
	for _, a := range h.demo.People {
		if a.Role == "official" {
			if err := h.seat(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *hall) close(ctx context.Context) error {
	if h.demo == nil {
		return nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if h.sql != nil {
		_ = h.sql.Close(stop) // it was read
	}
	var err error
	if h.floor != nil {
		err = h.floor.stop(stop)
	}
	return errors.Join(err, h.demo.Stop(stop))
}

// openSink gives citizens an address for what they hear. Nobody reads it: the kernel drops what comes once the buffer is full.
func openSink(ctx context.Context) (*net.UDPAddr, error) {
	var c net.ListenConfig
	conn, err := c.ListenPacket(ctx, "udp4", "127.0.0.2:0")
	if err != nil {
		return nil, fmt.Errorf("open a place for citizens' audio: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return net.ResolveUDPAddr("udp4", conn.LocalAddr().String())
}

// seat signs an official in, whose telephone is one of ours, and says ready.
func (h *hall) seat(ctx context.Context, a demo.Account) error {
	c, err := seat.SignIn(ctx, h.demo.Panel, a.LoginName, a.Password)
	if err != nil {
		return err
	}
	h.people[a.Seat] = c
	path := "/api/v1/seats/" + a.Seat
	contact := "sip:" + a.Seat + "@" + h.telephones.phone.Addr()
	var now struct {
		Version int64 `json:"version"`
	}
	if err := errors.Join(
		c.Do(ctx, http.MethodPost, path+"/take", map[string]any{"place": "official", "take_over": true}, nil),
		c.Do(ctx, http.MethodPost, path+"/phone", map[string]any{"client": "bench-" + a.Seat, "phone": "sip", "contact": contact}, nil),
		c.Do(ctx, http.MethodGet, path, nil, &now),
		c.Do(ctx, http.MethodPost, path+"/intent", map[string]any{"intent": "ready", "version": now.Version}, nil),
	); err != nil {
		return fmt.Errorf("seat an official at %s: %w", a.Seat, err)
	}
	return nil
}

// citizens are the channels of those who called one of the numbers.
func (h *hall) citizens(ctx context.Context) ([]telephony.LegID, int, error) {
	s, err := h.exchange.Snapshot(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("look who is on the telephone: %w", err)
	}
	var legs []telephony.LegID
	for _, c := range s.Channels {
		switch c.Dialled {
		case demo.Number, numberQueue, numberFloor, numberBare, numberNext:
			legs = append(legs, c.ID)
		}
	}
	return legs, len(s.Channels), nil
}

// clear hangs every citizen up and waits until nobody is on the telephone.
func (h *hall) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		legs, all, err := h.citizens(ctx)
		if err != nil {
			return err
		}
		if all == 0 {
			return nil
		}
		for _, leg := range legs {
			if err := h.exchange.Hangup(ctx, leg, "normal"); err != nil {
				return fmt.Errorf("hang a citizen up: %w", err)
			}
		}
		if !pause(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d channels do not end", all)
		}
	}
}

// pause waits; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// processes are those whose processor time counts.
func (h *hall) processes() map[string]int {
	return map[string]int{
		"asterisk": h.demo.Exchange.PID(), "hotline": h.demo.ServerPID(), "postgres": h.demo.Postgres.PID(), "redis": h.demo.Redis.PID(),
		"floor": h.floor.PID(),
	}
}

// versions of everything that was measured.
func (h *hall) versions(ctx context.Context) string {
	v := []string{"Asterisk " + strings.TrimPrefix(h.demo.Exchange.Version, "Asterisk ")}
	if conn, err := pgx.Connect(ctx, h.demo.DatabaseURL()); err == nil {
		var pg string
		if conn.QueryRow(ctx, "SHOW server_version").Scan(&pg) == nil {
			v = append(v, "Postgres "+strings.Fields(pg)[0])
		}
		_ = conn.Close(ctx) // it was read
	}
	if o, err := redis.ParseURL(h.demo.Redis.URL()); err == nil {
		rdb := redis.NewClient(o)
		info, _ := rdb.Info(ctx, "server").Result() // without it the line is shorter
		for line := range strings.Lines(info) {
			if version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
				v = append(v, "Redis "+version)
			}
		}
		_ = rdb.Close() // it was read
	}
	out, _ := exec.CommandContext(ctx, "sipp", "-v").CombinedOutput() // ends with 99, having said its version
	for line := range strings.Lines(string(out)) {
		if _, version, ok := strings.Cut(line, "SIPp v"); ok {
			v = append(v, "SIPp "+strings.Trim(strings.Fields(version)[0], ".-,"))
			break
		}
	}
	return strings.Join(append(v, runtime.Version(), fmt.Sprintf("%d cores", runtime.NumCPU())), ", ")
}

// Binary is the server that stands beside this program, or on the way that `make build` leaves it.
func Binary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "hotline")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the server is not beside this program: run 'make build': %w", err)
	}
	return path, nil
}
