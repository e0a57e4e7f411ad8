package bench

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"hotline/cmd/sim/phone"
)

// telephones are all seats' telephones on one address; the user part of what is called tells which. Every opponent rings
// these, so what they cost is in every figure alike.
type telephones struct {
	phone *phone.Phone
	log   *slog.Logger

	mu    sync.Mutex
	talk  span                 // guarded by mu, as all below
	freed map[string]time.Time // when a seat sent its BYE and has not been rung since
	gaps  []gap
	calls int
}

type span struct{ min, max time.Duration }

// draw is random to the nanosecond: talk times in whole seconds would lock step with app_queue's clock.
func (s span) draw() time.Duration {
	return s.min + rand.N(s.max-s.min+1) //nolint:gosec // how long a simulated person talks is no secret
}

// gap is the time from a seat's BYE to its next INVITE.
type gap struct {
	seat string
	at   time.Time // of the BYE
	took time.Duration
}

func openTelephones(ctx context.Context, addr string, log *slog.Logger) (*telephones, error) {
	t := &telephones{log: log, freed: map[string]time.Time{}}
	p, err := phone.Open(ctx, addr, func(c *phone.Call) { t.take(ctx, c, time.Now()) })
	if err != nil {
		return nil, err
	}
	t.phone = p
	return t, nil
}

func (t *telephones) take(ctx context.Context, c *phone.Call, rung time.Time) {
	if err := t.conversation(ctx, c, rung); err != nil && ctx.Err() == nil {
		t.log.DebugContext(ctx, "a seat's telephone", slog.String("seat", c.User), slog.Any("err", err)) // the caller left while it rang
	}
}

// conversation answers at once and hangs up when the talk is over, unless the other side has.
func (t *telephones) conversation(ctx context.Context, c *phone.Call, rung time.Time) error {
	talk := t.rang(c.User, rung)
	v, err := phone.NewVoice("127.0.0.3", nil, nil)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := c.Answer(v); err != nil {
		return err
	}
	over := time.NewTimer(talk)
	defer over.Stop()
	select {
	case <-c.Done():
		return nil
	case <-over.C:
	}
	t.mu.Lock()
	t.freed[c.User] = time.Now()
	t.calls++
	t.mu.Unlock()
	return c.Hangup(ctx)
}

// rang notes the gap before an INVITE and says how long will be talked.
func (t *telephones) rang(seat string, at time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if freed, ok := t.freed[seat]; ok {
		delete(t.freed, seat)
		t.gaps = append(t.gaps, gap{seat: seat, at: freed, took: at.Sub(freed)})
	}
	return t.talk.draw()
}

// begin forgets what was and sets how long is talked from now on.
func (t *telephones) begin(talk span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.talk, t.gaps, t.calls = talk, nil, 0
	clear(t.freed)
}

// conversations counts those that the seats have ended.
func (t *telephones) conversations() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls
}

// measured are the gaps that began between two times; lost are seats that were not rung again after one.
func (t *telephones) measured(from, to time.Time) (Sample, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s Sample
	for _, g := range t.gaps {
		if !g.at.Before(from) && g.at.Before(to) {
			s = append(s, g.took)
		}
	}
	lost := 0
	for _, at := range t.freed {
		if !at.Before(from) && at.Before(to) {
			lost++
		}
	}
	return s, lost
}
