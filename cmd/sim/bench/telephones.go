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
	way   manner               // guarded by mu, as all below
	freed map[string]time.Time // when a seat was free and has not been rung since
	gaps  []gap
	calls int
	cut   int // conversations that the other side has ended
	leave map[string]chan struct{}
}

// manner is how officials behave for a turn. With next they wrap up after each call and then ask for the next caller, as the
// person does who presses 请接下一位; without it they are free when they have hung up.
type manner struct {
	talk, wrapUp span
	next         func(ctx context.Context, seat string) (func(context.Context) error, error) // what is said when the time has come
}

type span struct{ min, max time.Duration }

// draw is random to the nanosecond: talk times in whole seconds would lock step with app_queue's clock.
func (s span) draw() time.Duration {
	return s.min + rand.N(s.max-s.min+1) //nolint:gosec // how long a simulated person talks is no secret
}

// gap is the time from a seat's end of work, its BYE or its wish for the next caller, to its next INVITE.
type gap struct {
	seat string
	at   time.Time // of the end
	took time.Duration
}

func openTelephones(ctx context.Context, addr string, log *slog.Logger) (*telephones, error) {
	t := &telephones{log: log, freed: map[string]time.Time{}, leave: map[string]chan struct{}{}}
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
	way, leave := t.rang(c.User, rung)
	v, err := phone.NewVoice("127.0.0.3", nil, nil)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := c.Answer(v); err != nil {
		return err
	}
	over := time.NewTimer(way.talk.draw())
	defer over.Stop()
	select {
	case <-c.Done():
		t.count(&t.cut)
		return t.wrapUp(ctx, c.User, way)
	case <-over.C:
	case <-leave:
	}
	t.count(&t.calls)
	if way.next == nil {
		t.free(c.User)
	}
	if err := c.Hangup(ctx); err != nil {
		return err
	}
	return t.wrapUp(ctx, c.User, way)
}

// wrapUp ends in asking for the next caller, where officials do so.
func (t *telephones) wrapUp(ctx context.Context, seat string, way manner) error {
	if way.next == nil || !pause(ctx, way.wrapUp.draw()) {
		return nil
	}
	ask, err := way.next(ctx, seat)
	if err != nil {
		return err
	}
	t.free(seat)
	return ask(ctx)
}

func (t *telephones) free(seat string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.freed[seat] = time.Now()
}

func (t *telephones) count(n *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*n++
}

// rang notes the gap before an INVITE, and says how the call goes on and what ends it before its time.
func (t *telephones) rang(seat string, at time.Time) (manner, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if freed, ok := t.freed[seat]; ok {
		delete(t.freed, seat)
		t.gaps = append(t.gaps, gap{seat: seat, at: freed, took: at.Sub(freed)})
	}
	t.leave[seat] = make(chan struct{})
	return t.way, t.leave[seat]
}

// hangUp lets a seat that talks hang up now.
func (t *telephones) hangUp(seat string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if leave := t.leave[seat]; leave != nil {
		delete(t.leave, seat)
		close(leave)
	}
}

// begin forgets what was and sets how officials behave from now on.
func (t *telephones) begin(way manner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.way, t.gaps, t.calls, t.cut = way, nil, 0, 0
	clear(t.freed)
}

// forget drops the gaps.
func (t *telephones) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gaps = nil
}

// conversations counts those that the seats have ended, and those that they have not.
func (t *telephones) conversations() (int, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls, t.cut
}

// measured are the gaps that began between two times; lost are seats that were not rung again after one.
func (t *telephones) measured(from, to time.Time) ([]gap, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []gap
	for _, g := range t.gaps {
		if !g.at.Before(from) && g.at.Before(to) {
			all = append(all, g)
		}
	}
	lost := 0
	for _, at := range t.freed {
		if !at.Before(from) && at.Before(to) {
			lost++
		}
	}
	return all, lost
}
