package asterisk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/audio"
	"hotline/cmd/sim/citizen"
	"hotline/cmd/sim/phone"
	"hotline/deploy/asterisk"
	"hotline/deploy/asterisk/asterisktest"
	"hotline/deploy/local"
)

func TestStartRunsWhatIsConfiguredAndNothingElse(t *testing.T) {
	t.Parallel()
	inst, cfg := asterisktest.Prepare(t)
	x, err := asterisk.Start(t.Context(), inst, cfg)
	require.NoError(t, err)
	t.Cleanup(x.Kill)

	cli := func(command string) string {
		answer, err := x.CLI(t.Context(), command)
		require.NoError(t, err)
		return answer
	}
	require.Eventually(t, func() bool { // it says that it is booted a moment before it knows this command
		return strings.Contains(cli("core show version"), "Asterisk "+asterisk.MinVersion)
	}, time.Minute, 20*time.Millisecond)
	require.Contains(t, cli("pjsip show endpoint trunk"), "127.0.0.2/32")
	require.NotContains(t, cli("pjsip show endpoint trunk"), "allow_transfer                     : true")
	require.Contains(t, cli("moh show files"), "/moh/line")
	require.Contains(t, cli("manager show settings"), "Manager (AMI):             No")
	require.Contains(t, cli("module show like app_queue"), "0 modules loaded")
	require.Contains(t, cli("dialplan show seats-nothing"), "Hangup(21)")
	require.Equal(t, http.StatusOK, status(t, x, asterisktest.Password))
	require.Equal(t, http.StatusUnauthorized, status(t, x, "wrong"))

	secrets, err := os.Stat(filepath.Join(cfg.Dir, "etc", "ari.conf"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), secrets.Mode().Perm())

	for _, f := range asterisk.Check(t.Context(), asterisk.CheckConfig{
		ARIURL: x.ARIURL, ARIUser: x.ARIUser, ARIPassword: x.ARIPassword, Sounds: cfg.Sounds,
	}) {
		require.True(t, f.OK || f.Name == "media address", "%+v", f)
	}

	other := cfg
	other.Dir = t.TempDir()
	_, err = asterisk.Start(t.Context(), inst, other)
	require.ErrorContains(t, err, "stop what uses it, or choose another", "its port is taken")

	require.NoError(t, x.Stop(t.Context()))
	x, err = asterisk.Start(t.Context(), inst, cfg)
	require.NoError(t, err, "a second start in the same directory")
	x.Kill()
}

// R1: with no controller the citizen is answered, hears that the call has been received, then music, then an apology; and
// Asterisk itself has written the call down.
func TestR1CallerIsNeverLeftInSilence(t *testing.T) {
	t.Parallel()
	x := asterisktest.Start(t, func(c *asterisk.Config) {
		c.FallbackAfter = 5 * time.Second
		c.TakeMessage = true
	})
	heard := call(t, x, "12345", 34*time.Second)
	require.Greater(t, heard.first.Sub(heard.dialled), time.Duration(0))
	require.Less(t, heard.first.Sub(heard.dialled), 5*time.Second)
	require.Less(t, heard.silence, 2*time.Second, "longest silence while somebody waits")
	require.Greater(t, heard.loud, 12*time.Second)

	prompt, err := os.ReadFile(filepath.Join(x.Dir, "data", "sounds", "hotline", "hold.alaw"))
	require.NoError(t, err)
	later := loudest(prompt[5*audio.Rate/2 : 9*audio.Rate/2]) // past the first try of the controller, which is after 2 s
	require.True(t, bytes.Contains(heard.alaw, later), "the message goes on after a try, and does not begin anew")

	rows := records(t, x)
	require.Len(t, rows, 1)
	require.Equal(t, rows[0][0], rows[0][1], "linkedid of a call with one leg")
	require.Equal(t, []string{"from-trunk", "ANSWERED"}, rows[0][5:7], "and no number")
	require.NotEmpty(t, rows[0][3], "answered at")
	net, err := os.ReadFile(filepath.Join(x.NetDir(), "net.csv"))
	require.NoError(t, err)
	lines, err := csv.NewReader(bytes.NewReader(net)).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 2, "it came into the net once, and left it once: %s", net)
	require.Equal(t, []string{"NET_ENTERED", rows[0][1], "12345", `{"extra":"055112345678"}`}, []string{lines[0][0], lines[0][2], lines[0][3], lines[0][4]})
	require.Equal(t, []string{"NET_LEFT", rows[0][1], `{"extra":""}`}, []string{lines[1][0], lines[1][2], lines[1][4]})
	for path, mode := range map[string]os.FileMode{x.NetDir(): 0o700, filepath.Join(x.NetDir(), "net.csv"): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	messages, err := filepath.Glob(filepath.Join(x.Dir, "spool", "messages", "*.wav"))
	require.NoError(t, err)
	require.Len(t, messages, 1)
}

func TestUnknownNumberIsToldSoWithoutBeingAnswered(t *testing.T) {
	t.Parallel()
	x := asterisktest.Start(t)
	v, err := phone.NewVoice("127.0.0.2", nil, nil)
	require.NoError(t, err)
	t.Cleanup(v.Close)
	err = citizen.Call(t.Context(), citizen.Caller{
		Trunk: x.SIPAddr, Number: "54321", From: "055112345678", IP: "127.0.0.2", Patience: 20 * time.Second, Media: v.Addr(),
	})
	require.Error(t, err)
	rows := records(t, x)
	require.Len(t, rows, 1)
	require.NotEqual(t, "ANSWERED", rows[0][6])
}

func TestStrangersAreNotServed(t *testing.T) {
	t.Parallel()
	x := asterisktest.Start(t)
	err := citizen.Call(t.Context(), citizen.Caller{
		Trunk: x.SIPAddr, Number: "12345", From: "055112345678", IP: "127.0.0.7", Patience: 5 * time.Second,
	})
	require.Error(t, err)
	answer, err := x.CLI(t.Context(), "core show channels count")
	require.NoError(t, err)
	require.Contains(t, answer, "0 calls processed")
}

// A controller that comes back gets the caller who has been waiting, answered already and with the music stopped.
func TestR1ControllerThatReturnsGetsTheCaller(t *testing.T) {
	t.Parallel()
	x := asterisktest.Start(t)
	ended := make(chan error, 1)
	go func() {
		ended <- citizen.Call(t.Context(), citizen.Caller{
			Trunk: x.SIPAddr, Number: "12345", From: "055112345678", IP: "127.0.0.2", Patience: time.Minute,
		})
	}()
	require.Eventually(t, func() bool { // the citizen is in the net
		answer, err := x.CLI(t.Context(), "core show channels concise")
		return err == nil && strings.Contains(answer, "!Up!")
	}, 10*time.Second, 50*time.Millisecond)

	url := strings.Replace(x.ARIURL, "http", "ws", 1) + "/ari/events?app=hotline"
	header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(x.ARIUser+":"+x.ARIPassword))}}
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, header)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(15*time.Second)))
	var event struct {
		Type    string   `json:"type"`
		Args    []string `json:"args"`
		Channel struct {
			State  string `json:"state"`
			Caller struct {
				Number string `json:"number"`
			} `json:"caller"`
		} `json:"channel"`
	}
	for event.Type != "StasisStart" {
		require.NoError(t, conn.ReadJSON(&event))
	}
	require.Equal(t, []string{"inbound", "12345"}, event.Args)
	require.Equal(t, "Up", event.Channel.State)
	require.Equal(t, "055112345678", event.Channel.Caller.Number)
	stop, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, x.Stop(stop), "a call that is up does not hold the end back")
	require.NoError(t, <-ended, "it was the exchange that hung up")
}

// The death signal must survive the change of root and of user on the way to Asterisk.
func TestAsteriskDiesWithItsParent(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("HOTLINE_TEST_PARENT_OF"); dir != "" {
		inst, cfg := asterisktest.Prepare(t)
		cfg.Dir = dir
		x, err := asterisk.Start(t.Context(), inst, cfg)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		<-x.Done()
	}
	dir := t.TempDir()
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsteriskDiesWithItsParent$")
	parent.Env = append(os.Environ(), "HOTLINE_TEST_PARENT_OF="+dir, "TMPDIR="+t.TempDir()) // it tidies nothing up
	out, err := parent.CombinedOutput()
	require.ErrorContains(t, err, "killed", string(out))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	lock, err := local.LockDir(ctx, dir) // free when the last descendant has gone
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}

type hearing struct {
	dialled, first time.Time
	silence, loud  time.Duration // longest silence after the first sound; sum of what was heard
	alaw           []byte
}

// loudest is the loudest twentieth of a second: too particular to be heard by chance.
func loudest(alaw []byte) []byte {
	const n = audio.Rate / 20
	var best []byte
	var energy float64
	for i := 0; i+n <= len(alaw); i += n {
		if e := audio.Energy(audio.Decode(alaw[i : i+n])); e > energy {
			best, energy = alaw[i:i+n], e
		}
	}
	return best
}

// call dials and listens until the other side hangs up.
func call(t *testing.T, x *asterisk.Instance, number string, patience time.Duration) hearing {
	t.Helper()
	var mu sync.Mutex
	h := hearing{dialled: time.Now()}
	var last time.Time
	v, err := phone.NewVoice("127.0.0.2", audio.Sine(600, 0.3), func(alaw []byte) {
		mu.Lock()
		defer mu.Unlock()
		h.alaw = append(h.alaw, alaw...)
		if audio.Energy(audio.Decode(alaw)) < 1e-5 {
			return
		}
		now := time.Now()
		if h.first.IsZero() {
			h.first, last = now, now
		}
		h.silence = max(h.silence, now.Sub(last))
		h.loud += time.Duration(len(alaw)) * time.Second / audio.Rate
		last = now
	})
	require.NoError(t, err)
	defer v.Close()
	v.Await()
	require.NoError(t, citizen.Call(t.Context(), citizen.Caller{
		Trunk: x.SIPAddr, Number: number, From: "055112345678", IP: "127.0.0.2", Patience: patience, Media: v.Addr(),
	}))
	mu.Lock()
	defer mu.Unlock()
	require.False(t, h.first.IsZero(), "nothing was heard")
	return h
}

// records waits for the call record, which Asterisk writes after the hang-up.
func records(t *testing.T, x *asterisk.Instance) [][]string {
	t.Helper()
	var rows [][]string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(x.CallRecords())
		if err != nil {
			return false
		}
		rows, err = csv.NewReader(strings.NewReader(string(text))).ReadAll()
		return err == nil && len(rows) > 0
	}, 10*time.Second, 50*time.Millisecond)
	return rows
}

func status(t *testing.T, x *asterisk.Instance, password string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, x.ARIURL+"/ari/asterisk/ping", http.NoBody)
	require.NoError(t, err)
	req.SetBasicAuth(x.ARIUser, password)
	resp, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's one request
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}
