package asterisk_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/deploy/asterisk"
	"hotline/deploy/asterisk/asterisktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func config() asterisk.Config {
	return asterisk.Config{Dir: "/var/lib/hotline", ARIPassword: asterisktest.Password, Sounds: asterisk.Sounds{Dir: "/sounds"}}
}

func TestRenderIsGolden(t *testing.T) {
	t.Parallel()
	files, err := asterisk.Render(config())
	require.NoError(t, err)
	for _, name := range []string{"extensions.conf", "pjsip.conf", "http.conf", "ari.conf", "modules.conf", "asterisk.conf"} {
		path := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(files[name]), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), files[name], name)
	}
}

// What keeps strangers out, whatever the templates become (telephony.md 5.1, 5.2).
func TestRenderKeepsTheDoorsShut(t *testing.T) {
	t.Parallel()
	c := config()
	c.TakeMessage, c.Bench = true, true
	files, err := asterisk.Render(c)
	require.NoError(t, err)
	all := strings.Builder{}
	for name, text := range files {
		all.WriteString(text)
		require.NotContains(t, text, "0.0.0.0:", name)
		require.NotContains(t, text, "<no value>", name)
	}
	require.NotRegexp(t, `(?m)^\s*bind(addr)?\s*=\s*(0\.0\.0\.0|::)`, all.String())
	require.Contains(t, files["modules.conf"], "autoload = no")
	require.NotContains(t, files["modules.conf"], "anonymous")
	require.NotContains(t, files["modules.conf"], "res_pjsip_messaging")
	require.Contains(t, files["manager.conf"], "enabled = no")
	require.Contains(t, files["pjsip.conf"], "allow_transfer = no")
	require.NotRegexp(t, `(?i)Dial\(|SHELL\(|System\(|CURL\(`, files["extensions.conf"])
	inbound, _, _ := strings.Cut(files["extensions.conf"], "[seats-nothing]")
	require.NotRegexp(t, `(?m)^exten => _[^,]*[.!]`, inbound, "patterns of outside numbers are bounded")
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*asterisk.Config){
		`http_addr "0.0.0.0:8088"`: func(c *asterisk.Config) { c.HTTPAddr = "0.0.0.0:8088" },
		`sip_addr "5060"`:          func(c *asterisk.Config) { c.SIPAddr = "5060" },
		"rtp 20000-10000":          func(c *asterisk.Config) { c.RTPStart, c.RTPEnd = 20000, 10000 },
		"ari_password":             func(c *asterisk.Config) { c.ARIPassword = "short" },
		"ari_user":                 func(c *asterisk.Config) { c.ARIUser = "x]\ntype=user" },
		"line":                     func(c *asterisk.Config) { c.Lines = []string{"12345,1,System(id)"} },
		"trunk_peer 127.0.0.1":     func(c *asterisk.Config) { c.TrunkPeers = []string{"127.0.0.1"} },
		`trunk_peer "10.0.0.0/8"`:  func(c *asterisk.Config) { c.TrunkPeers = []string{"10.0.0.0/8"} },
		"extra":                    func(c *asterisk.Config) { c.Extra = map[string]string{"../x": ""} },
		"sounds":                   func(c *asterisk.Config) { c.Sounds.Dir = "" },
	} {
		c := config()
		change(&c)
		_, err := asterisk.Render(c)
		require.ErrorContains(t, err, want)
	}
}

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"22.10.1": true, "1:22.10.1+dfsg+~cs6.17.60671434-1": true, "22.11.0": true, "23.0.0": true,
		"22.9.9": false, "22.10.0": false, "1:20.6.0~dfsg": false, "": false, "GIT-master": false,
	} {
		require.Equal(t, want, asterisk.NewEnough(version), version)
	}
}

func TestEveryPromptIsASentenceOfChinese(t *testing.T) {
	t.Parallel()
	prompts, err := asterisk.Prompts()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, p := range prompts {
		require.Regexp(t, `^[a-z][a-z-]*$`, p.Name)
		require.False(t, names[p.Name], p.Name)
		require.Regexp(t, `^\p{Han}.*。$`, p.Text)
		names[p.Name] = true
	}
	require.Contains(t, names, "recording-notice")
	for _, used := range []string{"hold", "technical-problem", "leave-message", "unknown-number"} {
		require.True(t, names[used], used)
	}
}

func TestARecordedPromptGoesBeforeTheSpokenOne(t *testing.T) {
	t.Parallel()
	_, cfg := asterisktest.Prepare(t)
	recorded, cache := t.TempDir(), t.TempDir()
	voice, err := os.ReadFile(filepath.Join(cfg.Sounds.Dir, "sounds", "hotline", "hold.alaw"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(recorded, "closed.alaw"), voice, 0o600))
	made, err := asterisk.BuildSounds(t.Context(), asterisk.SoundsConfig{Cache: cache, Recorded: recorded})
	require.NoError(t, err)
	require.NotEqual(t, filepath.Base(cfg.Sounds.Dir), filepath.Base(made.Dir), "another set")
	got, err := os.ReadFile(filepath.Join(made.Dir, "sounds", "hotline", "closed.alaw"))
	require.NoError(t, err)
	require.Equal(t, voice, got)
	missing, err := made.Missing()
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NoError(t, os.Remove(filepath.Join(made.Dir, "moh", "line.alaw")))
	missing, err = made.Missing()
	require.NoError(t, err)
	require.Equal(t, []string{"moh/line.alaw"}, missing)
}
