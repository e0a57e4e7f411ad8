package ari_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/aritest"
)

const seat = "seat-A01-x"

// ring is an offer to a registered seat.
func (b bundle) ring(t *testing.T, caller telephony.LegID) telephony.RingRequest {
	t.Helper()
	require.NoError(t, b.client.PutEndpoint(t.Context(), telephony.Endpoint{Name: seat, HA1: "0123456789abcdef0123456789abcdef"}))
	b.fake.Register(seat)
	return telephony.RingRequest{
		Leg: "0199-offer", Endpoint: seat, Caller: caller, CallerID: "138****5678", Limit: 20500 * time.Millisecond,
	}
}

// TestL9 : no answer is an error at the deadline.
func TestL9(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{}, func(c *ari.Config) { c.RequestTimeout = 500 * time.Millisecond })
	b.fake.Fault(aritest.Fault{Hang: true})
	require.ErrorContains(t, b.client.Answer(t.Context(), "x"), "deadline")
	require.Len(t, b.fake.Requests(aritest.OpAnswer), 1, "an answer is never repeated")
	require.InDelta(t, 1, b.metric(t, "hotline_ari_request_seconds", "operation=answer", "status=timeout"), 0)
}

// TestL11 : many callers share a bounded pool; each connection is a thread of Asterisk.
func TestL11(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{})
	var all sync.WaitGroup
	var broken atomic.Int32 // a request that nobody answered in time costs its connection
	for range 64 {
		all.Go(func() {
			for range 10 {
				if b.client.Hangup(t.Context(), "x", "") != nil {
					broken.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, len(b.fake.Requests(aritest.OpHangup)), 640)
	require.LessOrEqual(t, b.fake.Connections(), 48+int(broken.Load()))
}

// TestL12 : a refusal does not cost its connection.
func TestL12(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{})
	b.fake.Fault(aritest.Fault{Status: http.StatusConflict, Message: "Channel not in Stasis application"})
	for range 200 {
		require.ErrorIs(t, b.client.Answer(t.Context(), "x"), telephony.ErrGone)
	}
	require.Equal(t, 1, b.fake.Connections())
}

// TestL13 : Asterisk's words are kept and told apart. TestL14's case is here too: a body that is no JSON.
func TestL13(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status  int
		message string
		plain   bool
		gone    bool
		says    string
	}{
		"gone":           {404, "Channel not found", false, true, "Channel not found"},
		"left":           {409, "Channel not in Stasis application", false, true, "not in Stasis"},
		"unknown path":   {404, "Resource not found", false, false, "Resource not found"},
		"too early":      {412, "Channel in invalid state", false, false, "invalid state"},
		"page (L14)":     {503, "<html>busy</html>", true, false, "<html>busy"},
		"no text":        {502, "", true, false, "Bad Gateway"},
		"other conflict": {409, "Recording in progress", false, false, "Recording"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := idle(t, aritest.Options{})
			b.fake.Fault(aritest.Fault{Op: aritest.OpAnswer, Status: c.status, Message: c.message, Plain: c.plain})
			err := b.client.Answer(t.Context(), "x")
			var refusal *ari.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.status, refusal.Status)
			require.Equal(t, "answer", refusal.Op)
			require.Contains(t, refusal.Message, c.says)
			require.Equal(t, c.gone, refusal.Gone())
			if c.gone {
				require.ErrorIs(t, err, telephony.ErrGone)
			} else {
				require.NotErrorIs(t, err, telephony.ErrGone)
			}
		})
	}
}

// TestL25 : whatever an id holds, it stays one segment of the path.
func TestL25(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{})
	require.NoError(t, b.client.Hangup(t.Context(), "a/b c+d?e#f%", "normal"))
	require.Equal(t, "/channels/a%2Fb%20c%2Bd%3Fe%23f%25", b.fake.Requests()[0].Path)
	require.Equal(t, "reason=normal", b.fake.Requests()[0].Query)
}

// TestF18 : whatever becomes of the replies, one offer is one channel.
func TestF18(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]aritest.Fault{
		"reply eaten":      {Times: 1, Eat: true},
		"cut before":       {Times: 1, Cut: true},
		"5xx":              {Times: 1, Status: 503, Message: "Service Unavailable"},
		"never replied":    {Times: 1, Hang: true},
		"slower than this": {Times: 1, Delay: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, aritest.Options{}, func(c *ari.Config) { c.RequestTimeout = 500 * time.Millisecond })
			caller := b.arrive(t)
			r := b.ring(t, caller)
			fault.Op = aritest.OpOriginate
			b.fake.Fault(fault)
			require.NoError(t, b.client.Ring(t.Context(), r))
			require.NoError(t, b.client.Ring(t.Context(), r), "again is success: 409 is our own")
			require.Len(t, b.fake.Legs(), 2)
			require.Equal(t, r.Leg, until[telephony.Ringing](t, b).Leg)
		})
	}
}

// TestF18Bridge : so is one bridge one bridge, and what has no id of ours is not repeated.
func TestF18Bridge(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	leg := b.arrive(t)
	b.fake.Fault(aritest.Fault{Op: aritest.OpCreateBridge, Times: 1, Eat: true})
	require.NoError(t, b.client.EnsureBridge(t.Context(), "hold-session", telephony.BridgeHolding))
	require.NoError(t, b.client.EnsureBridge(t.Context(), "hold-session", telephony.BridgeHolding))
	b.fake.Fault(aritest.Fault{Op: aritest.OpPlay, Times: 1, Eat: true})
	require.Error(t, b.client.Play(t.Context(), leg, "pb-1", "sound:notice"))
	require.Len(t, b.fake.Requests(aritest.OpPlay), 1)
	require.NoError(t, b.client.StopPlay(t.Context(), "pb-1"))
	require.NoError(t, b.client.StopPlay(t.Context(), "pb-1"), "gone is success")
	require.NoError(t, b.client.DeleteBridge(t.Context(), "hold-session"))
	require.NoError(t, b.client.DeleteBridge(t.Context(), "hold-session"), "gone is success")
}

// TestSeatOffline : no registered telephone is an answer at once, and never a retry (telephony.md 2.5).
func TestSeatOffline(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	caller := b.arrive(t)
	r := b.ring(t, caller)
	b.fake.Unregister(seat)
	require.ErrorIs(t, b.client.Ring(t.Context(), r), telephony.ErrSeatOffline)
	require.Len(t, b.fake.Requests(aritest.OpOriginate), 1)
	b.fake.Register(seat)
	b.fake.HangUp(caller)
	require.ErrorIs(t, b.client.Ring(t.Context(), r), telephony.ErrGone, "nobody to ring for")
	r.Limit = 0
	require.Error(t, b.client.Ring(t.Context(), r), "L24: 0 would be 30 s")
}

// TestRingAsks : what the seat's telephone is told.
func TestRingAsks(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	r := b.ring(t, b.arrive(t))
	r.Resume = true
	require.NoError(t, b.client.Ring(t.Context(), r))
	require.JSONEq(t, `{
		"endpoint": "PJSIP/seat-A01-x", "app": "hotline", "appArgs": "seat,0199-offer", "timeout": 21,
		"callerId": "\"138****5678\" <138****5678>", "originator": "`+string(r.Caller)+`",
		"variables": {"PJSIP_HEADER(add,X-Hotline-Resume)": "1"}
	}`, b.fake.Requests(aritest.OpOriginate)[0].Body)
	b.fake.AnswerSeat(r.Leg)
	require.Equal(t, []string{"seat", string(r.Leg)}, until[telephony.Entered](t, b).Args)
}

// TestHoldOnly : without a fresh lease nothing is decided; a leg without its partner may still be hung up (R4).
func TestHoldOnly(t *testing.T) {
	t.Parallel()
	var stale bool
	b := setup(t, aritest.Options{}, func(c *ari.Config) {
		c.Fence = func() error {
			if stale {
				return errStale
			}
			return nil
		}
	})
	leg := b.arrive(t)
	ctx := t.Context()
	require.NoError(t, b.client.EnsureBridge(ctx, "hold-session", telephony.BridgeHolding))
	stale = true
	before := len(b.fake.Requests())
	for name, refused := range map[string]error{
		"answer": b.client.Answer(ctx, leg),
		"ring":   b.client.Ring(ctx, telephony.RingRequest{Leg: "o", Endpoint: seat, Limit: time.Second}),
		"ensure": b.client.EnsureBridge(ctx, "talk-1", telephony.BridgeMixing),
		"delete": b.client.DeleteBridge(ctx, "talk-1"),
		"hold":   b.client.Hold(ctx, "hold-session", leg),
		"join":   b.client.Join(ctx, "talk-1", leg),
		"leave":  b.client.Leave(ctx, "talk-1", leg),
		"mute":   b.client.Mute(ctx, leg, true),
		"return": b.client.Return(ctx, leg),
		"stop":   b.client.StopPlay(ctx, "pb"),
		"put":    b.client.PutEndpoint(ctx, telephony.Endpoint{Name: seat, HA1: "x"}),
		"drop":   b.client.DropEndpoint(ctx, seat),
	} {
		require.ErrorIs(t, refused, telephony.ErrNoDecision, name)
		require.ErrorIs(t, refused, errStale, name)
	}
	require.Len(t, b.fake.Requests(), before, "nothing went out")
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(leg)), "listening is no decision")
	_, err := b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.NoError(t, b.client.Play(ctx, leg, "pb", "sound:x"), "words move nobody (RT5)")
	require.NoError(t, b.client.Plays(ctx, "pb"))
	require.ErrorIs(t, b.client.Plays(ctx, "none"), telephony.ErrGone)
	came := b.arrive(t)
	require.NoError(t, b.client.Receive(ctx, "hold-session", came, false), "who arrives is answered and held (F13)")
	l, _ := b.fake.Leg(came)
	require.Equal(t, "Up", l.State)
	require.True(t, l.Music)
	require.Len(t, b.fake.Requests(aritest.OpAnswer), 1, "once")
	late := b.arrive(t)
	require.NoError(t, b.client.Receive(ctx, "hold-ordinary", late, false), "in an exchange that has been restarted meanwhile, too")
	l, _ = b.fake.Leg(late)
	require.True(t, l.Music)
	require.NoError(t, b.client.Hangup(ctx, leg, "normal"))
}

// TestNew : a setting that cannot work is refused at the start.
func TestNew(t *testing.T) {
	t.Parallel()
	good := ari.Config{URL: "http://127.0.0.1:8088", User: "u", Password: "p", App: "hotline"}
	for name, spoil := range map[string]func(*ari.Config){
		"address":  func(c *ari.Config) { c.URL = "127.0.0.1:8088" },
		"scheme":   func(c *ari.Config) { c.URL = "ftp://127.0.0.1" },
		"user":     func(c *ari.Config) { c.User = "" },
		"password": func(c *ari.Config) { c.Password = "" },
		"app":      func(c *ari.Config) { c.App = "" },
	} {
		bad := good
		spoil(&bad)
		_, err := ari.New(bad)
		require.Error(t, err, name)
	}
	_, err := ari.New(good)
	require.NoError(t, err)
}
