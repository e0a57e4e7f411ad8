package ari_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/aritest"
)

// TestL1 : what ari/v5 cannot decode takes its process down. Here it is a signal, and the next event comes.
func TestL1(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	for frame, kind := range map[string]string{
		`{"type":"ChannelTransfer","application":"hotline"}`: "ChannelTransfer",
		`{"type":"RESTResponse","status_code":200}`:          "RESTResponse",
		`{"error":"ApplicationDoesNotExist"}`:                "garbage",
		`no JSON at all`:                                     "garbage",
		`null`:                                               "garbage",
		`[]`:                                                 "garbage",
		`{"type":12}`:                                        "garbage",
		`{"type":"StasisStart"}`:                             "StasisStart",
		`{"type":"StasisStart","channel":"odd"}`:             "StasisStart",
		`{"type":"ChannelEnteredBridge","channel":{"id":"x"},"bridge":7}`: "ChannelEnteredBridge",
	} {
		b.fake.Emit(frame)
		require.Equal(t, telephony.Unknown{Type: kind}, b.next(t), frame)
	}
	b.arrive(t)
	require.InDelta(t, 2, b.metric(t, "hotline_ari_events_total", "type=unknown"), 0)
}

// TestL2 : nor does it cost the connection.
func TestL2(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	b.fake.Emit(`{"type":"CallBroadcast"`)
	b.fake.Emit("\x00\x01")
	b.arrive(t)
	require.InDelta(t, 1, b.metric(t, "hotline_ari_connects_total"), 0)
}

// TestL3 : ari/v5 drops the 101st event nobody has read yet.
func TestL3(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	const events = 5000
	for i := range events {
		b.fake.Emit(fmt.Sprintf(`{"type":"StasisEnd","channel":{"id":"leg-%d"}}`, i))
	}
	for i := range events {
		require.Equal(t, telephony.LegLeft{Leg: telephony.LegID(fmt.Sprintf("leg-%d", i))}, b.next(t))
	}
}

// TestL4 : events about no channel reach nobody in ari/v5; the loss of the application is one of them.
func TestL4(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	leg := b.arrive(t)
	second, err := ari.New(config(b.fake))
	require.NoError(t, err)
	other := bundle{fake: b.fake, client: second, ended: make(chan error, 1)}
	other.run(t)
	other.up(t)

	require.Equal(t, telephony.Replaced{}, b.next(t))
	require.ErrorIs(t, <-b.ended, ari.ErrReplaced)
	_, open := <-b.client.Signals()
	require.False(t, open, "signals end with Run")
	require.False(t, b.client.Connected())

	// Asterisk would still obey. Not even a hang-up goes out any more (R3).
	ctx := t.Context()
	require.ErrorIs(t, b.client.Answer(ctx, leg), telephony.ErrNoDecision)
	require.ErrorIs(t, b.client.Hangup(ctx, leg, "normal"), telephony.ErrNoDecision)
	require.Empty(t, b.fake.Requests(aritest.OpAnswer, aritest.OpHangup))
	require.NoError(t, second.Answer(ctx, leg))
	require.Equal(t, telephony.Answered{Leg: leg}, other.next(t))
}

// TestReplacedIsNotACallersName : the word in an event's text replaces nobody.
func TestReplacedIsNotACallersName(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	b.fake.Emit(`{"type":"StasisEnd","channel":{"id":"x","caller":{"name":"ApplicationReplaced"}}}`)
	b.fake.Emit(`{"type":"ApplicationReplaced","application":"another"}`)
	require.Equal(t, telephony.LegLeft{Leg: "x"}, b.next(t))
	require.NoError(t, b.client.Hangup(t.Context(), "x", ""))
}

// TestL5 : a gap in the events is told, with the entity after it.
func TestL5(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	b.arrive(t)
	before := b.fake.Entity()
	b.fake.Restart()
	until[telephony.Down](t, b)
	require.NotEqual(t, before, until[telephony.Up](t, b).Entity)
	s, err := b.client.Snapshot(t.Context())
	require.NoError(t, err)
	require.Equal(t, b.fake.Entity(), s.Entity)
	require.Empty(t, s.Channels)
}

// TestL6 : a half-open connection is found by our own ping, and a peer that never answers the handshake by a deadline.
func TestL6(t *testing.T) {
	t.Parallel()
	t.Run("stall", func(t *testing.T) {
		t.Parallel()
		b := setup(t, aritest.Options{}, func(c *ari.Config) {
			c.PingEvery, c.PongWait = 5*time.Millisecond, 150*time.Millisecond
		})
		b.fake.Stall()
		require.ErrorContains(t, until[telephony.Down](t, b).Err, "no pong")
		until[telephony.Up](t, b)
		b.arrive(t)
	})
	t.Run("handshake", func(t *testing.T) {
		t.Parallel()
		mute, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = mute.Close() })
		b := idle(t, aritest.Options{}, func(c *ari.Config) {
			c.URL, c.DialTimeout = "http://"+mute.Addr().String(), 20*time.Millisecond
		})
		b.run(t)
		var open []net.Conn
		for range 3 { // it dials again and again
			conn, err := mute.Accept()
			require.NoError(t, err)
			open = append(open, conn)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	})
}

// TestL7 : Run ends when told to, exchange or no exchange.
func TestL7(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{}, func(c *ari.Config) { c.URL = "http://127.0.0.1:1" })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { b.ended <- b.client.Run(ctx) }()
	cancel()
	require.NoError(t, <-b.ended)
	require.Error(t, b.client.Run(t.Context()), "Run is for once")
}

// TestL8 : a socket whose greeting fails is closed before the next is opened.
func TestL8(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{})
	b.fake.Fault(aritest.Fault{Op: aritest.OpInfo, Times: 12, Status: 503, Message: "Asterisk not booted"})
	b.run(t)
	b.up(t)
	b.fake.Await(t, "one socket", func() bool { return b.fake.Sockets() == 1 })
	b.arrive(t)
}

// TestF16 : after a reset the client is back by itself, hears its old channels and filters the noise again.
func TestF16(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	leg := b.arrive(t)
	require.NoError(t, b.client.Watch(t.Context(), "channel:"+string(leg)))
	b.fake.Drop()
	until[telephony.Down](t, b)
	b.up(t)
	filtered := 0 // the fake may have refused one that overtook its own socket
	for _, r := range b.fake.Requests(aritest.OpFilter) {
		if r.Status == http.StatusOK {
			filtered++
		}
	}
	require.Equal(t, 2, filtered)
	b.fake.HangUp(leg)
	require.Equal(t, telephony.HangupRequested{Leg: leg}, b.next(t))
	require.Equal(t, telephony.LegLeft{Leg: leg}, b.next(t))
	require.Equal(t, telephony.HangupRequested{Leg: leg, Soft: true}, b.next(t))
	require.Equal(t, telephony.LegGone{Leg: leg, Cause: 127, TechCause: 487, Asked: true}, b.next(t))
}

// TestF19 : an event told twice has no effect beyond the first; late and reordered ones pass as they come, and the client
// does not stop.
func TestF19(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	b.fake.Alter(aritest.Twice)
	b.fake.Withhold()
	first, second := b.fake.Call("1", "12345"), b.fake.Call("2", "12345")
	var kept [][]byte
	b.fake.Release(func(frames [][]byte) [][]byte {
		require.Len(t, frames, 4)
		kept = frames
		return [][]byte{frames[2], frames[0], frames[1], frames[3]}
	})
	for _, leg := range []telephony.LegID{second, first, b.fake.Call("3", "12345")} {
		require.Equal(t, leg, b.next(t).(telephony.Entered).Leg)
	}
	for range 20 {
		b.arrive(t)
	}
	b.fake.Emit(string(kept[0])) // much later it is news again: the controller's part
	require.Equal(t, first, b.next(t).(telephony.Entered).Leg)
}

// TestSeatLegsAreToldOnce : though Asterisk tells their events for the channel and again for the endpoint, and LegGone.Asked
// survives an end that is told late once more.
func TestSeatLegsAreToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	r := b.ring(t, b.arrive(t))
	require.NoError(t, b.client.Ring(t.Context(), r))
	var last string
	b.fake.Alter(func(frame []byte) [][]byte {
		last = string(frame)
		return [][]byte{frame}
	})
	b.fake.RefuseSeat(r.Leg, 480)
	want := telephony.LegGone{Leg: r.Leg, Cause: 19, TechCause: 480, Asked: true}
	require.Equal(t, r.Leg, until[telephony.HangupRequested](t, b).Leg)
	require.Equal(t, want, b.next(t))
	b.fake.Alter(nil)
	for range 20 {
		b.arrive(t)
	}
	b.fake.Emit(last)
	require.Equal(t, want, b.next(t))
	require.Positive(t, b.metric(t, "hotline_ari_events_total", "type=repeated"))
}

// TestUpComesFirst : events that arrive while the socket is greeted wait for Up.
func TestUpComesFirst(t *testing.T) {
	t.Parallel()
	b := idle(t, aritest.Options{})
	b.fake.Fault(aritest.Fault{Op: aritest.OpInfo, Times: 1, Delay: 50 * time.Millisecond})
	b.run(t)
	b.fake.Await(t, "a socket", func() bool { return b.fake.Sockets() == 1 })
	leg := b.fake.Call("13812345678", "12345")
	b.up(t)
	require.Equal(t, leg, b.next(t).(telephony.Entered).Leg)
}

// TestOverflow : a full queue drops and says so where it happened; the reader never waits.
func TestOverflow(t *testing.T) {
	t.Parallel()
	const limit = 10
	b := setup(t, aritest.Options{}, func(c *ari.Config) { c.QueueLimit = limit })
	const events = 100
	for i := range events {
		b.fake.Emit(fmt.Sprintf(`{"type":"StasisEnd","channel":{"id":"leg-%d"}}`, i))
	}
	// The one that waits to be handed over is out of the queue, or not yet: 10 or 11 have found room.
	require.Eventually(t, func() bool {
		return b.metric(t, "hotline_ari_events_dropped_total") >= events-limit-1
	}, patience, time.Millisecond)
	taken := 0
	for {
		if _, over := b.next(t).(telephony.Overflow); over {
			break
		}
		taken++
	}
	require.InDelta(t, limit, taken, 1)
	leg := b.fake.Call("1", "12345")
	for last := false; !last; {
		s := b.next(t)
		if _, ok := s.(telephony.LegLeft); ok {
			taken++
		}
		in, ok := s.(telephony.Entered)
		last = ok && in.Leg == leg
	}
	require.InDelta(t, events-taken, b.metric(t, "hotline_ari_events_dropped_total"), 0, "each event is delivered or counted")
}
