package asterisk

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"hotline/deploy/local"
)

// Config is one Asterisk. The zero values of all but Dir, ARIPassword and Sounds are those of the demo.
type Config struct {
	Dir         string   // etc, log, spool, run; made when missing
	HTTPAddr    string   // ARI and browsers' SIP: 127.0.0.1:8088
	SIPAddr     string   // trunk side, UDP: 127.0.0.1:5060
	RTPStart    int      // 10000
	RTPEnd      int      // 19999
	ARIUser     string   // controller
	ARIPassword string   // see LoadPassword
	App         string   // ARI application: hotline
	Lines       []string // numbers that go to the application: 12345; other numbers hear that they do not exist
	TrunkPeers  []string // exact addresses that citizens' calls come from: 127.0.0.2
	Sounds      Sounds
	Reader      *local.User // whose group takes away what the dialplan's net writes; nil: root alone, or who runs us

	FallbackAfter time.Duration // how long a caller is kept while no controller takes the call: 1 min
	TakeMessage   bool          // record a message then
	Bench         bool          // load app_queue and what a comparison with it needs

	Extra    map[string]string // appended to configuration files, by name: "queues.conf"
	Progress local.Progress
}

// Words that end up in configuration files are matched against what they may be, so that none can bring a line of its own.
const (
	word     = `^[A-Za-z][A-Za-z0-9_-]{0,63}$`
	keyChars = `^[A-Za-z0-9_-]{32,}$`
	number   = `^[0-9]{2,20}$`
	fileName = `^[a-z_]+\.conf$`
)

func (c Config) withDefaults() Config {
	c.HTTPAddr = cmp.Or(c.HTTPAddr, "127.0.0.1:8088")
	c.SIPAddr = cmp.Or(c.SIPAddr, "127.0.0.1:5060")
	c.RTPStart = cmp.Or(c.RTPStart, 10000)
	c.RTPEnd = cmp.Or(c.RTPEnd, 19999)
	c.ARIUser = cmp.Or(c.ARIUser, "controller")
	c.App = cmp.Or(c.App, "hotline")
	c.FallbackAfter = cmp.Or(c.FallbackAfter, time.Minute)
	if len(c.Lines) == 0 {
		c.Lines = []string{"12345"}
	}
	if len(c.TrunkPeers) == 0 {
		c.TrunkPeers = []string{"127.0.0.2"}
	}
	return c
}

// validate names every field that is wrong, and its mend.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	matches := func(pattern, s string) bool { return regexp.MustCompile(pattern).MatchString(s) }

	check(c.Dir != "", "dir: name a directory")
	for name, addr := range map[string]string{"http_addr": c.HTTPAddr, "sip_addr": c.SIPAddr} {
		a, err := netip.ParseAddrPort(addr)
		check(err == nil && a.Addr().IsLoopback() && a.Port() > 0, "%s %q: give a loopback address and port, like 127.0.0.1:5060", name, addr)
	}
	check(c.RTPStart >= 1024 && c.RTPEnd <= 65535 && c.RTPEnd-c.RTPStart >= 20, "rtp %d-%d: give at least 20 ports above 1023", c.RTPStart, c.RTPEnd)
	check(matches(word, c.ARIUser), "ari_user %q: letters, digits, - and _ only", c.ARIUser)
	check(matches(keyChars, c.ARIPassword), "ari_password: at least 32 of A-Z a-z 0-9 - _; LoadPassword makes one")
	check(matches(word, c.App), "app %q: letters, digits, - and _ only", c.App)
	for _, line := range c.Lines {
		check(matches(number, line), "line %q: 2 to 20 digits", line)
	}
	for _, peer := range c.TrunkPeers {
		a, err := netip.ParseAddr(peer)
		check(err == nil && !a.IsUnspecified(), "trunk_peer %q: give one exact address", peer)
		check(peer != "127.0.0.1", "trunk_peer 127.0.0.1: browsers come from there through the proxy; use 127.0.0.2")
	}
	check(c.FallbackAfter >= time.Second, "fallback_after %s: at least 1s", c.FallbackAfter)
	check(c.Sounds.Dir != "", "sounds: build them with BuildSounds")
	for name := range c.Extra {
		check(matches(fileName, name), "extra %q: the name of a file like queues.conf", name)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("asterisk configuration: %w", err)
	}
	return nil
}

// entityID is stable for a directory, so that an instance is recognised after a restart, and marked as locally given.
func (c Config) entityID() string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Dir)) // a hash never fails
	s := h.Sum64()
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", byte(s), byte(s>>8), byte(s>>16), byte(s>>24), byte(s>>32))
}

// LoadPassword reads the ARI password, or makes one of 32 random bytes in a file that only its owner and group may read.
func LoadPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read ARI password: %w", err)
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	password := base64.RawURLEncoding.EncodeToString(raw)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", fmt.Errorf("write ARI password: %w", err)
	}
	if err := os.WriteFile(path, []byte(password+"\n"), 0o640); err != nil { //nolint:gosec // G306: the server's group reads it
		return "", fmt.Errorf("write ARI password: %w", err)
	}
	return password, nil
}
