package asterisk

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"hotline/deploy/local"
)

//go:embed prompts.tsv
var catalogue string

// soundsVersion changes when sounds of the same text are made in another way.
const soundsVersion = "2"

// Prompt is one announcement; media "sound:hotline/<Name>".
type Prompt struct{ Name, Text string }

// Prompts is the catalogue, in its order.
func Prompts() ([]Prompt, error) {
	var list []Prompt
	for line := range strings.Lines(catalogue) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(line, "\t")
		if !ok || name == "" || text == "" {
			return nil, fmt.Errorf("prompts.tsv: %q: want a name, a tab, a text", line)
		}
		list = append(list, Prompt{Name: name, Text: text})
	}
	return list, nil
}

// SoundsConfig says where sounds come from and go.
type SoundsConfig struct {
	Cache    string // finished sets are kept below sounds/
	Recorded string // folder of recorded prompts, <name>.wav or <name>.alaw, which go before the spoken ones; may be empty
	Progress local.Progress
}

// Sounds is a finished set of prompts and music: A-law, 8 kHz, so that playing them costs no transcoding.
type Sounds struct{ Dir string }

// BuildSounds speaks the catalogue by espeak-ng where there is no recorded file, and makes the music. A set is cached under
// the hash of all that went into it.
func BuildSounds(ctx context.Context, cfg SoundsConfig) (Sounds, error) {
	prompts, err := Prompts()
	if err != nil {
		return Sounds{}, err
	}
	cache, err := filepath.Abs(filepath.Join(cfg.Cache, "sounds"))
	if err != nil {
		return Sounds{}, fmt.Errorf("find the cache: %w", err)
	}
	key, err := soundsKey(prompts, cfg.Recorded)
	if err != nil {
		return Sounds{}, err
	}
	done := Sounds{Dir: filepath.Join(cache, key)}
	if _, err := os.Stat(done.Dir); err == nil {
		return done, nil
	}
	if err := ensureSpeakers(ctx, cfg.Progress); err != nil {
		return Sounds{}, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // G301: sounds are no secret
		return Sounds{}, fmt.Errorf("make %s: %w", cache, err)
	}
	fresh, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return Sounds{}, fmt.Errorf("make sounds: %w", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already when it went well
	cfg.Progress.Say("speaking the prompts and making the music")
	if err := fillSounds(ctx, fresh, prompts, cfg.Recorded); err != nil {
		return Sounds{}, err
	}
	if err := os.Rename(fresh, done.Dir); err != nil && !errors.Is(err, os.ErrExist) { // another process may have been first
		return Sounds{}, fmt.Errorf("put the sounds in place: %w", err)
	}
	return done, nil
}

// Missing lists the prompts of the catalogue, and the music, that a folder lacks.
func (s Sounds) Missing() ([]string, error) {
	prompts, err := Prompts()
	if err != nil {
		return nil, err
	}
	paths := []string{musicFile, beepFile}
	for _, p := range prompts {
		paths = append(paths, p.file())
	}
	var missing []string
	for _, path := range paths {
		if info, err := os.Stat(filepath.Join(s.Dir, path)); err != nil || info.Size() == 0 {
			missing = append(missing, path)
		}
	}
	return missing, nil
}

const (
	musicFile = "moh/line.alaw"
	beepFile  = "sounds/beep.alaw"
)

func (p Prompt) file() string { return filepath.Join("sounds", "hotline", p.Name+".alaw") }

func ensureSpeakers(ctx context.Context, progress local.Progress) error {
	_, noVoice := exec.LookPath("espeak-ng")
	_, noSox := exec.LookPath("sox")
	if noVoice == nil && noSox == nil {
		return nil
	}
	return local.EnsurePackages(ctx, progress, "espeak-ng", "sox")
}

func soundsKey(prompts []Prompt, recorded string) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n", soundsVersion, catalogue) // a hash never fails
	for _, p := range prompts {
		file := p.recordedFile(recorded)
		if file == "" {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read recorded prompt: %w", err)
		}
		_, _ = fmt.Fprintf(h, "%s %d\n", p.Name, len(content))
		_, _ = h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func (p Prompt) recordedFile(dir string) string {
	if dir == "" {
		return ""
	}
	for _, ext := range []string{".wav", ".alaw"} {
		file := filepath.Join(dir, p.Name+ext)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

func fillSounds(ctx context.Context, dir string, prompts []Prompt, recorded string) error {
	for _, sub := range []string{"sounds/hotline", "moh"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil { //nolint:gosec // G301: sounds are no secret
			return fmt.Errorf("make sounds: %w", err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // G302: the temporary folder was private
		return fmt.Errorf("make sounds: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, p := range prompts {
		group.Go(func() error {
			if err := p.make(ctx, recorded, filepath.Join(dir, p.file())); err != nil {
				return fmt.Errorf("prompt %s: %w", p.Name, err)
			}
			return nil
		})
	}
	group.Go(func() error { return sox(ctx, melody(), raw, alaw, filepath.Join(dir, musicFile)) })
	group.Go(func() error { return sox(ctx, beep(), raw, alaw, filepath.Join(dir, beepFile)) })
	return group.Wait()
}

func (p Prompt) make(ctx context.Context, recorded, out string) error {
	if file := p.recordedFile(recorded); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if filepath.Ext(file) == ".alaw" {
			return sox(ctx, content, alaw, alaw, out)
		}
		return sox(ctx, content, []string{"-t", "wav"}, alaw, out, "gain", "-n", "-3")
	}
	speak := exec.CommandContext(ctx, "espeak-ng", "-v", "cmn", "-s", "200", "--stdout", "--stdin")
	speak.Stdin = strings.NewReader(p.Text)
	var wav, complaint bytes.Buffer
	speak.Stdout, speak.Stderr = &wav, &complaint
	if err := speak.Run(); err != nil {
		return fmt.Errorf("espeak-ng: %w: %s", err, complaint.String())
	}
	return sox(ctx, wav.Bytes(), []string{"-t", "wav", "--ignore-length"}, alaw, out, "gain", "-n", "-3")
}
