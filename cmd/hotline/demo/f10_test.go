package demo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F8, F11: Redis is killed while people wait and are served, and comes back with its file; then it is killed again, and comes back
// with the file of a while ago, as after a failover that lost what came last.
func TestF8F11RedisRestarts(t *testing.T) {
	const waiting, seats = 30, 2
	s := start(t, seats, sinking)
	s.originate(waiting)
	s.until("all wait", patience, func() bool { return s.count(telephony.WordQueued) == waiting })
	kept := filepath.Join(s.Options.Dir, "redis-kept")
	copyFiles(t, s.RedisFiles(), kept)
	s.hall.behave(s.hall.serve(10*time.Millisecond, 20*time.Millisecond))
	s.hall.sit()

	s.untilEnded(waiting / 3)
	s.Redis.Kill()
	require.NoError(t, s.StartRedis(s.ctx))
	s.untilEnded(2 * waiting / 3)
	s.Redis.Kill()
	copyFiles(t, kept, s.RedisFiles())
	require.NoError(t, s.StartRedis(s.ctx))
	s.untilEnded(waiting)
	s.requireOneOfferEach(waiting)
	s.verify()
}

// F10: Redis hangs while people wait, and all are served; it is away when the server starts, and a call is taken from the first ring to
// the ticket. Each time whoever looks is told, and it is whole again as soon as it answers.
func TestF10WithoutRedis(t *testing.T) {
	const waiting, seats = 30, 2
	s := start(t, seats, sinking)
	s.originate(waiting)
	s.until("all wait", patience, func() bool { return s.count(telephony.WordQueued) == waiting })
	require.Equal(t, "ready", s.readiness()["status"])

	require.NoError(t, syscall.Kill(s.Redis.PID(), syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(s.Redis.PID(), syscall.SIGCONT) }) // one that has ended is of no concern
	began := time.Now()
	s.hall.behave(s.hall.serve(10*time.Millisecond, 20*time.Millisecond))
	s.hall.sit()
	s.untilEnded(waiting)
	t.Logf("Redis hangs: %d served in %s", waiting, millis(time.Since(began)))
	s.requireOneOfferEach(waiting)
	s.untilRedisIs("degraded", "away since ")
	require.Contains(t, s.metric("hotline_store_up"), `hotline_store_up{store="redis"} 0`)
	require.NoError(t, syscall.Kill(s.Redis.PID(), syscall.SIGCONT))
	s.untilRedisIs("ready", "ok")
	require.Contains(t, s.metric("hotline_store_up"), `hotline_store_up{store="redis"} 1`)
	require.Equal(t, 1, s.logged(`"msg":"a store is away`), "told once")
	s.verify()

	s.Redis.Kill()
	s.KillServer()
	require.NoError(t, s.Ready(s.ctx, patience))
	s.untilRedisIs("degraded", "away since ")
	s.hall.behave(pickUp(0))
	citizen := s.citizens.arrive(0, 1)[0]
	s.until("they talk", patience, func() bool { return s.count(telephony.WordTalking) == 1 })
	require.NoError(t, citizen.leave())
	s.untilEnded(waiting + 1)
	s.originate(3)
	s.until("they are offered, or wait", patience, func() bool { return one[int](s, `SELECT count(*) FROM call WHERE queued_at IS NOT NULL`) == waiting+4 })
	require.NoError(t, s.StartRedis(s.ctx))
	s.untilRedisIs("ready", "ok")
	s.hall.behave(s.hall.serve(0, 0))
	for _, r := range s.hall.talking() {
		_ = r.hangUp() // may be over already
	}
	s.untilEnded(waiting + 4)
	s.requireOneOfferEach(waiting + 4)
	s.verify()
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(to))
	require.NoError(t, exec.CommandContext(t.Context(), "cp", "-a", from, to).Run())
}

func (s *stage) untilEnded(n int) {
	s.t.Helper()
	s.until("so many have been served", time.Minute, func() bool { return one[int](s, `SELECT count(*) FROM call WHERE phase = 'ended'`) >= n })
}

// requireOneOfferEach: nobody was forgotten, asked twice, or overtaken.
func (s *stage) requireOneOfferEach(n int) {
	s.t.Helper()
	s.requireInOrder(0)
	require.Equal(s.t, n, one[int](s, `SELECT count(*) FROM offer`), "one offer each")
	require.Equal(s.t, n, one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`))
}

// readiness is what /readyz says; it must say that calls are taken.
func (s *stage) readiness() map[string]string {
	s.t.Helper()
	var said map[string]string
	require.NoError(s.t, json.Unmarshal([]byte(s.get(s.Panel+"/readyz")), &said))
	return said
}

func (s *stage) untilRedisIs(status, said string) {
	s.t.Helper()
	s.until("readyz says "+status, patience, func() bool {
		r := s.readiness()
		return r["status"] == status && strings.HasPrefix(r["redis"], said)
	})
}

// metric gives the lines of one metric.
func (s *stage) metric(name string) string {
	s.t.Helper()
	var out strings.Builder
	for line := range strings.Lines(s.get(s.Metrics)) {
		if strings.HasPrefix(line, name) {
			out.WriteString(line)
		}
	}
	return out.String()
}

func (s *stage) get(url string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, url, http.NoBody)
	require.NoError(s.t, err)
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, res.StatusCode, string(text))
	return string(text)
}

// logged counts the lines of the server's log with that text.
func (s *stage) logged(text string) int {
	s.t.Helper()
	log, err := os.ReadFile(filepath.Join(s.Options.Dir, "hotline.log"))
	require.NoError(s.t, err)
	return strings.Count(string(log), text)
}
