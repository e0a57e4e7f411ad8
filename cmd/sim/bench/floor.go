package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"hotline/cmd/hotline/demo"
	"hotline/deploy/local"
)

// floorProcess is the ARI loop without stores. Like hotline it is a process of its own, with the collector set as hotline's is.
type floorProcess struct {
	*local.Process

	base string // http://127.0.0.1:…
}

func startFloor(ctx context.Context, d *demo.Demo, o Options) (*floorProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder of the bench: %w", err)
	}
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	seats := make([]string, o.Seats)
	for i := range seats {
		seats[i] = endpoint(i)
	}
	args := append([]string{"floor", "--listen=" + listen, "--seats=" + strings.Join(seats, ","), fmt.Sprintf("--marks=%d", o.marks())}, exchangeArgs(d, dir)...)
	p, err := local.StartProcess(ctx, local.ProcessSpec{
		Name: "the floor", Path: self, Args: args, Dir: dir, Env: append(os.Environ(), "GOGC=200"), Log: filepath.Join(dir, "floor.log"),
		DeathSignal: syscall.SIGTERM,
	})
	if err != nil {
		return nil, err
	}
	f := &floorProcess{Process: p, base: "http://" + listen}
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.WaitReady(wait, func(ctx context.Context) error { return f.ask(ctx, http.MethodGet, "/ready") }); err != nil {
		p.Kill()
		return nil, err
	}
	return f, nil
}

// exchangeArgs tell a process of ours where Asterisk is.
func exchangeArgs(d *demo.Demo, dir string) []string {
	return []string{
		"--ari-url=" + d.Exchange.ARIURL, "--ari-user=" + d.Exchange.ARIUser, "--ari-password-file=" + filepath.Join(dir, "secrets/ari-password"),
	}
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (f *floorProcess) stop(ctx context.Context) error { return f.Stop(ctx, syscall.SIGTERM) }

func (f *floorProcess) ask(ctx context.Context, method, path string) error {
	req, err := http.NewRequestWithContext(ctx, method, f.base+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask the floor: %w", err)
	}
	res, err := floorClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the floor: %w", err)
	}
	_ = res.Body.Close() // it is empty
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the floor: %s", res.Status)
	}
	return nil
}

var floorClient = &http.Client{Timeout: 5 * time.Second} //nolint:gochecknoglobals // its connections are shared by all seats

// next is the wish of the person at a seat: of hotline's as the panel says it, for the call on the screen, with a key that makes a repeat
// harmless.
func (h *hall) next(ctx context.Context, seat string) (func(context.Context) error, error) {
	who := h.people[seat]
	if who == nil {
		return func(ctx context.Context) error { return h.floor.ask(ctx, http.MethodPost, "/next/"+seat) }, nil
	}
	var desk struct {
		Call struct {
			ID string `json:"id"`
		} `json:"call"`
	}
	who.Key = ""
	if err := who.Do(ctx, http.MethodGet, "/api/v1/seats/"+seat+"/call", nil, &desk); err != nil {
		return nil, err
	}
	key, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("key of a command: %w", err)
	}
	return func(ctx context.Context) error {
		who.Key = key.String()
		return who.Do(ctx, http.MethodPost, "/api/v1/seats/"+seat+"/next", map[string]any{"call": desk.Call.ID, "leave": true}, nil)
	}, nil
}

// bareFrames opens the page of B3's opponent and gives the times at which its frames were read, until ctx ends.
func (f *floorProcess) bareFrames(ctx context.Context) (<-chan time.Time, error) {
	page, res, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(f.base, "http")+"/bare", nil)
	if err != nil {
		return nil, fmt.Errorf("open the bare socket: %w", err)
	}
	_ = res.Body.Close() // of a switched protocol: empty
	context.AfterFunc(ctx, func() { _ = page.Close() })
	heard := make(chan time.Time, 64)
	go func() {
		for {
			_, frame, err := page.ReadMessage()
			if err != nil {
				return
			}
			at := time.Now()
			if isOffer(frame) {
				heard <- at
			}
		}
	}()
	return heard, nil
}
