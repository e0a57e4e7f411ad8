package demo_test

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/audio"
	"hotline/cmd/sim/phone"
)

// ear notes when packets come.
type ear struct {
	mu    sync.Mutex
	last  time.Time
	worst time.Duration
	n     int
}

func (e *ear) hear([]byte) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.last.IsZero() {
		e.worst = max(e.worst, now.Sub(e.last))
	}
	e.last = now
	e.n++
}

// listen begins to measure anew.
func (e *ear) listen() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last, e.worst, e.n = time.Now(), 0, 0
}

// gap is the longest silence since listen, and the packets heard.
func (e *ear) gap() (time.Duration, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return max(e.worst, time.Since(e.last)), e.n
}

// undisturbed is a number that Asterisk plays music to by itself: hotline has no part in it.
const undisturbed = "99999"

const music = "\n[from-trunk](+)\nexten => " + undisturbed + ",1,Answer()\n same => n,MusicOnHold(net)\n"

// musical gives Asterisk the undisturbed number.
func musical(o *demo.Options) { o.Extra = map[string]string{"extensions.conf": music} }

// controls are ears at calls that go by the same telephones, the same Asterisk and the same cores as all others, but not by
// hotline: what they miss is the machine's.
func controls(s *stage, n int) []*ear {
	s.t.Helper()
	ears := make([]*ear, n)
	for i := range ears {
		ears[i] = &ear{}
		v, err := phone.NewVoice("127.0.0.2", audio.Sine(1000, 0.3), ears[i].hear)
		require.NoError(s.t, err)
		_, err = s.citizens.phone.Dial(s.ctx, "sip:"+undisturbed+"@"+s.Trunk, fmt.Sprintf("1375512%04d", i), v)
		require.NoError(s.t, err)
		s.t.Cleanup(v.Close)
	}
	return ears
}

// worst is the longest silence that any of them has heard; each must have heard something.
func worst(t *testing.T, ears ...*ear) time.Duration {
	t.Helper()
	var all time.Duration
	for _, e := range ears {
		gap, n := e.gap()
		require.Positive(t, n, "packets come")
		all = max(all, gap)
	}
	return all
}

// control measures how late this process hears packets that go by nothing but the loopback: the noise of the machine.
func control(s *stage) *ear {
	s.t.Helper()
	in, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(s.t, err)
	out, err := net.Dial("udp4", in.LocalAddr().String())
	require.NoError(s.t, err)
	e := &ear{}
	go func() {
		buf := make([]byte, 200)
		for {
			if _, _, err := in.ReadFrom(buf); err != nil {
				return
			}
			e.hear(nil)
		}
	}()
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_, _ = out.Write(make([]byte, 172))
			}
		}
	}()
	s.t.Cleanup(func() {
		close(done)
		_, _ = in.Close(), out.Close()
	})
	return e
}
