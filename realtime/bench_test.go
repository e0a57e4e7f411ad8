package realtime_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/realtime"
	"hotline/realtime/factlog"
)

const (
	benchSockets = 500
	benchFacts   = 400
)

// BenchmarkBurst is B5's side of ours: one operation commits 400 facts with 256 bytes of padding and ends when each of 500 sockets has
// read all of them. The CPU is that of the whole process, the readers' included; Postgres runs beside it and is not counted.
func BenchmarkBurst(b *testing.B) {
	for _, stalled := range []int{0, benchSockets / 20} { // B7: 5 % of the browsers do not read
		b.Run("stalled="+strconv.Itoa(stalled), func(b *testing.B) { burst(b, stalled) })
	}
}

func burst(b *testing.B, stalled int) {
	b.Helper()
	h := setup(b, func(c *realtime.Config) {
		c.SocketsLogin, c.SocketsIP = benchSockets, benchSockets
		c.PingEvery, c.PongWait = time.Hour, time.Hour // only facts are counted
	})
	before := heap()
	arrived := make(chan error, benchSockets)
	for i := range benchSockets {
		c := h.dialBench(b, i)
		if i >= stalled {
			go count(c.NetConn(), arrived)
		}
	}
	healthy := benchSockets - stalled
	perSocket := float64(heap()-before) / benchSockets
	facts := benchFactsOf(b)
	cpu := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		require.NoError(b, pgx.BeginFunc(b.Context(), h.pool, func(tx pgx.Tx) error { return factlog.Append(b.Context(), tx, facts...) }))
		h.signal.Wake()
		for range healthy {
			select {
			case err := <-arrived:
				require.NoError(b, err, "a healthy socket was cut")
			case <-time.After(30 * time.Second):
				b.Fatal("a healthy socket has not got every fact")
			}
		}
	}
	b.StopTimer()
	deliveries := float64(b.N) * float64(healthy) * benchFacts
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/deliveries, "cpu-ns/delivery")
	b.ReportMetric(perSocket/1024, "KiB/socket") // both ends of it
}

func benchFactsOf(b *testing.B) []factlog.Fact {
	b.Helper()
	data, err := json.Marshal(map[string]string{"pad": strings.Repeat("x", 256)})
	require.NoError(b, err)
	facts := make([]factlog.Fact, benchFacts)
	for i := range facts {
		facts[i] = factlog.Fact{At: time.Now(), Kind: "call.k", Subject: "s", Topics: []string{"board", "line:session"}, Actor: "bench", Data: data}
	}
	return facts
}

func (b *bundle) dialBench(tb testing.TB, i int) *websocket.Conn {
	tb.Helper()
	c, res, err := b.dial(tb, func() string {
		name, _, err := b.hub.Issue(tb.Context(), realtime.Request{
			Who: realtime.Subject{ID: "bench", Login: strconv.Itoa(i)}, Address: "127.0.0.1:1", Topics: []string{"board"},
		})
		require.NoError(tb, err)
		return name
	}, b.origin)
	require.NoError(tb, err, res.StatusCode)
	tb.Cleanup(func() { _ = c.Close() })
	// The hello may already lie in the client library's buffer; everything after it is read from the connection itself.
	_, _, err = c.ReadMessage()
	require.NoError(tb, err)
	return c
}

// count reads frames without decoding them and reports every burst, or the socket's end.
func count(r io.Reader, arrived chan<- error) {
	in := bufio.NewReaderSize(r, 16<<10)
	for n := 0; ; {
		if err := skipFrame(in); err != nil {
			arrived <- err // the buffer has room for each socket's last word
			return
		}
		if n++; n == benchFacts {
			arrived <- nil
			n = 0
		}
	}
}

func skipFrame(in *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return err
	}
	n := int(head[1])
	if n == 126 {
		if _, err := io.ReadFull(in, head[2:4]); err != nil {
			return err
		}
		n = int(binary.BigEndian.Uint16(head[2:4]))
	}
	_, err := in.Discard(n)
	return err
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
