// Package seat is an official without a browser: it signs in by the panel's own API, answers at a plain SIP telephone, talks,
// fills in the ticket and asks for the next caller. For the demo, for load, and for tests of everything but the panel.
package seat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"hotline/cmd/sim/phone"
)

// Span is a range of times from which each call draws its own.
type Span struct{ Min, Max time.Duration }

func (s Span) draw() time.Duration {
	if s.Max <= s.Min {
		return s.Min
	}
	return s.Min + rand.N(s.Max-s.Min) //nolint:gosec // the patience of a simulated person is no secret
}

// Manner is how simulated officials behave.
type Manner struct {
	Ring   Span   // until they answer
	Talk   Span   // until they hang up, unless the citizen does
	WrapUp Span   // until they ask for the next caller
	Speech []byte // A-law, what they say
}

// Person is who signs in where.
type Person struct {
	LoginName, Password string
	Seat                string
}

// Office is a group of simulated officials who share one telephone address.
type Office struct {
	base   string
	manner Manner
	log    *slog.Logger
	phone  *phone.Phone

	mu    sync.Mutex
	seats map[string]*official // by seat; guarded by mu
}

type official struct {
	person Person
	client *Client
	office *Office
}

// OpenOffice starts the shared telephone on addr ("127.0.0.3:5070") for the server at base ("http://127.0.0.1:8080").
func OpenOffice(ctx context.Context, base, addr string, m Manner, log *slog.Logger) (*Office, error) {
	o := &Office{base: base, manner: m, log: log, seats: map[string]*official{}}
	p, err := phone.Open(ctx, addr, func(c *phone.Call) { o.take(ctx, c) })
	if err != nil {
		return nil, err
	}
	o.phone = p
	return o, nil
}

// Seat signs a person in, takes the seat, connects the telephone and says ready.
func (o *Office) Seat(ctx context.Context, p Person) error {
	c, err := SignIn(ctx, o.base, p.LoginName, p.Password)
	if err != nil {
		return err
	}
	f := &official{person: p, client: c, office: o}
	if err := c.Do(ctx, http.MethodPost, "/api/v1/seats/"+p.Seat+"/take", map[string]any{"place": "official", "take_over": true}, nil); err != nil {
		return err
	}
	o.mu.Lock()
	o.seats[p.Seat] = f
	o.mu.Unlock()
	account := map[string]any{"client": "sim-" + p.Seat, "phone": "sip", "contact": "sip:" + p.Seat + "@" + o.phone.Addr()}
	if err := c.Do(ctx, http.MethodPost, "/api/v1/seats/"+p.Seat+"/phone", account, nil); err != nil {
		return err
	}
	if err := f.ready(ctx); err != nil {
		return err
	}
	go func() { // of a call before this program was started; others do not wait for it
		if err := f.wrapUp(ctx); err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "simulated official could not wrap up", slog.String("seat", p.Seat), slog.Any("err", err))
		}
	}()
	return nil
}

// take is one call at one of the office's seats.
func (o *Office) take(ctx context.Context, c *phone.Call) {
	o.mu.Lock()
	f := o.seats[c.User]
	o.mu.Unlock()
	if f == nil {
		_ = c.Decline(http.StatusNotFound, "Not Found")
		return
	}
	if err := f.talk(ctx, c); err != nil {
		o.log.WarnContext(ctx, "simulated official could not talk", slog.String("seat", f.person.Seat), slog.Any("err", err))
		return
	}
	if err := f.wrapUp(ctx); err != nil && ctx.Err() == nil {
		o.log.WarnContext(ctx, "simulated official could not wrap up", slog.String("seat", f.person.Seat), slog.Any("err", err))
	}
}

func (f *official) talk(ctx context.Context, c *phone.Call) error {
	m := f.office.manner
	if err := c.Ring(); err != nil {
		return err
	}
	if gone := wait(c.Done(), m.Ring.draw()); gone {
		return nil
	}
	v, err := phone.NewVoice("127.0.0.3", m.Speech, nil)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := c.Answer(v); err != nil {
		return err
	}
	if gone := wait(c.Done(), m.Talk.draw()); gone {
		return nil
	}
	return c.Hangup(ctx)
}

// wait returns true when done comes first.
func wait(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// wrapUp records the matter of the call that is over and asks for the next one.
func (f *official) wrapUp(ctx context.Context) error {
	wait(ctx.Done(), f.office.manner.WrapUp.draw())
	var card struct {
		Call *struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"call"`
	}
	if err := f.client.Do(ctx, http.MethodGet, "/api/v1/seats/"+f.person.Seat+"/call", nil, &card); err != nil {
		return err
	}
	if card.Call == nil || card.Call.State != "ended" {
		return nil // the caller left while the telephone rang, or the next one is here already
	}
	if err := f.record(ctx, card.Call.ID); err != nil {
		return err
	}
	return f.client.Do(ctx, http.MethodPost, "/api/v1/seats/"+f.person.Seat+"/next", map[string]any{"call": card.Call.ID, "leave": true}, nil)
}

func (f *official) record(ctx context.Context, call string) error {
	var list struct {
		Tickets []struct {
			ID      string `json:"id"`
			State   string `json:"state"`
			Version int64  `json:"version"`
		} `json:"tickets"`
	}
	if err := f.client.Do(ctx, http.MethodGet, "/api/v1/calls/"+call+"/tickets", nil, &list); err != nil {
		return err
	}
	for _, t := range list.Tickets {
		if t.State != "draft" {
			continue
		}
		edit := map[string]any{"version": t.Version}
		maps.Copy(edit, matters[rand.IntN(len(matters))]) //nolint:gosec // which matter a simulated citizen has is no secret
		var after struct {
			Version int64 `json:"version"`
		}
		if err := f.client.Do(ctx, http.MethodPatch, "/api/v1/tickets/"+t.ID, edit, &after); err != nil {
			return err
		}
		if err := f.client.Do(ctx, http.MethodPost, "/api/v1/tickets/"+t.ID+"/register", map[string]any{"version": after.Version}, nil); err != nil {
			return err
		}
	}
	return nil
}

// ready says 示闲; a version that has moved since is read again.
func (f *official) ready(ctx context.Context) error {
	for range 5 {
		var s struct {
			Version int64 `json:"version"`
		}
		if err := f.client.Do(ctx, http.MethodGet, "/api/v1/seats/"+f.person.Seat, nil, &s); err != nil {
			return err
		}
		err := f.client.Do(ctx, http.MethodPost, "/api/v1/seats/"+f.person.Seat+"/intent", map[string]any{"intent": "ready", "version": s.Version}, nil)
		var p *ProblemError
		if err == nil || !errors.As(err, &p) || p.Status != http.StatusConflict {
			return err
		}
		wait(ctx.Done(), 100*time.Millisecond)
	}
	return fmt.Errorf("seat %s does not become ready", f.person.Seat)
}

// matters are what simulated citizens call about.
var matters = []map[string]any{ //nolint:gochecknoglobals // a table
	{"title": "异地就医备案如何办理", "content": "来电人询问在外省住院前如何办理异地就医备案。", "class": "consultation", "outcome": "answered", "answer": "已告知可在国家医保服务平台手机端办理，备案即时生效。"},
	{"title": "小区夜间施工噪音", "content": "来电人反映所住小区东侧工地凌晨仍在施工，影响休息，希望查处。", "class": "other", "outcome": "ticket"},
	{"title": "社保关系转移进度查询", "content": "来电人三月提交社保转移申请，至今未到账，请核实进度。", "class": "consultation", "outcome": "ticket"},
	{"title": "要求减免已确认的行政罚款", "content": "来电人希望减免交通违法罚款。", "class": "other", "outcome": "explained_policy", "answer": "已说明现行规定不支持，并告知行政复议途径和期限。"},
	{"title": "农村道路破损", "content": "来电人反映村口道路坑洼，雨天积水，学生通行不便，希望修缮。", "class": "other", "outcome": "ticket"},
	{"title": "灵活就业人员缴费档次咨询", "content": "来电人询问灵活就业参保缴费基数上下限。", "class": "consultation", "outcome": "answered", "answer": "已告知本年度缴费基数上下限和办理渠道。"},
}
