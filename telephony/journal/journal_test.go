package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault/vaulttest"
	"hotline/telephony"
	"hotline/telephony/journal"
)

var at = time.Date(2026, 11, 26, 9, 0, 0, 123456000, time.UTC)

const citizen = "13812345678"

func facts() []telephony.Kept {
	return []telephony.Kept{
		{Arrival: &telephony.Arrival{
			ID: "01970000-0000-7000-8000-000000000001", Channel: "1764.1", Entity: "02:aa", Number: citizen, Dialled: "12345", At: at,
		}},
		{Arrival: &telephony.Arrival{ID: "01970000-0000-7000-8000-000000000002", Channel: "1764.2", Dialled: "12345", At: at.Add(time.Second)}},
		{Left: &telephony.Left{Leg: "1764.1", Soft: true, At: at.Add(time.Minute)}},
	}
}

func open(tb testing.TB, dir string, s journal.Sealer) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(dir, s)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

func files(tb testing.TB, dir string) []string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(tb, err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, filepath.Join(dir, e.Name()))
	}
	return found
}

// R7: what was kept is there for the next process, once, in order; who lives keeps it alone; what is stored is forgotten.
func TestWhatTheDeadKeptIsInherited(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal"), vaulttest.New(t)
	first := open(t, dir, keys)
	require.Empty(t, files(t, dir), "nothing is kept")
	all := facts()
	require.NoError(t, first.Append(all[:2]...))
	require.NoError(t, first.Append(all[2]))
	info, err := os.Stat(files(t, dir)[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	content, err := os.ReadFile(files(t, dir)[0])
	require.NoError(t, err)
	require.NotContains(t, string(content), citizen[4:], "numbers are sealed")

	second := open(t, dir, keys)
	got, err := second.Inherit()
	require.NoError(t, err)
	require.Empty(t, got, "its owner lives")
	require.NoError(t, first.Close())
	later := telephony.Kept{Left: &telephony.Left{Leg: "1764.2", At: at.Add(time.Hour)}}
	require.NoError(t, second.Append(later))
	got, err = second.Inherit()
	require.NoError(t, err)
	require.Equal(t, all, got)
	got, err = second.Inherit()
	require.NoError(t, err)
	require.Empty(t, got, "once")

	require.NoError(t, second.Close()) // dies before it has stored them
	third := open(t, dir, keys)
	got, err = third.Inherit()
	require.NoError(t, err)
	require.Equal(t, append(all, later), got, "the oldest first")
	require.NoError(t, third.Clear())
	require.Empty(t, files(t, dir))
	require.NoError(t, third.Append(later), "and on it goes")
	require.Len(t, files(t, dir), 1)
}

func TestJournalThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err := journal.Open(dir, vaulttest.New(t))
	require.ErrorContains(t, err, "chmod 700")
}

// A torn last line was never promised: it is left out in silence, and the next process appends behind nothing that is half there.
func TestTornLineIsLeftOut(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal"), vaulttest.New(t)
	j := open(t, dir, keys)
	require.NoError(t, j.Append(facts()...))
	require.NoError(t, j.Close())
	path := files(t, dir)[0]
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, torn := range []int{1, 5} {
		require.NoError(t, os.WriteFile(path, content[:len(content)-torn], 0o600))
		j = open(t, dir, keys)
		got, err := j.Inherit()
		require.NoError(t, err)
		require.Equal(t, facts()[:2], got)
		require.NoError(t, j.Clear())
		require.Empty(t, files(t, dir))
	}
}

// A kind of fact that a later version has written is damage to this one: said, and kept.
func TestUnknownKindIsDamage(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, vaulttest.New(t))
	text := `{"kind":"moved","leg":"1764.1","at":"2026-11-26T09:00:00Z"}`
	sum := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0.journal"), fmt.Appendf(nil, "%08x %s\n", sum, text), 0o600))
	got, err := j.Inherit()
	require.ErrorIs(t, err, journal.ErrDamaged)
	require.Empty(t, got)
}

// A folder may have any name: one that looks like a pattern hides nothing.
func TestFolderWithBrackets(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal[1]"), vaulttest.New(t)
	j := open(t, dir, keys)
	require.NoError(t, j.Append(facts()...))
	require.NoError(t, j.Close())
	got, err := open(t, dir, keys).Inherit()
	require.NoError(t, err)
	require.Equal(t, facts(), got)
}

// What can not be cleared is not read again by who has stored it, and goes as soon as it can; what somebody else has cleared is gone.
func TestJournalThatCanNotBeCleared(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal"), vaulttest.New(t)
	j := open(t, dir, keys)
	require.NoError(t, j.Append(facts()...))
	path := files(t, dir)[0]
	require.NoError(t, os.Rename(path, path+".aside"))
	require.NoError(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
	require.Error(t, j.Clear())
	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.Rename(path+".aside", path))
	got, err := j.Inherit()
	require.NoError(t, err)
	require.Empty(t, got, "it is stored")
	require.NoError(t, j.Clear())
	require.Empty(t, files(t, dir))
	require.NoError(t, j.Append(facts()...))
	require.NoError(t, os.Remove(files(t, dir)[0]))
	require.NoError(t, j.Clear())
}

// A disk that is full in the middle of a line costs that line, and none behind it. It is filled for a process of its own.
func TestDiskFullInALine(t *testing.T) {
	const folder = "HOTLINE_TEST_JOURNAL"
	left := func(leg telephony.LegID) telephony.Kept {
		return telephony.Kept{Left: &telephony.Left{Leg: leg, At: at}}
	}
	if dir := os.Getenv(folder); dir != "" {
		fill(t, dir, left)
		return
	}
	dir := filepath.Join(t.TempDir(), "journal")
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), folder+"="+dir)
	said, err := again.CombinedOutput()
	require.NoError(t, err, string(said))
	got, err := open(t, dir, nil).Inherit()
	require.NoError(t, err)
	require.Equal(t, []telephony.Kept{left("1764.1"), left("1764.3")}, got)
}

func fill(t *testing.T, dir string, left func(telephony.LegID) telephony.Kept) {
	t.Helper()
	j := open(t, dir, nil)
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, j.Append(left("1764.1")))
	info, err := os.Stat(files(t, dir)[0])
	require.NoError(t, err)
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()) + 20, Max: was.Max}))
	require.ErrorIs(t, j.Append(left("1764.2")), syscall.EFBIG)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
	require.NoError(t, j.Append(left("1764.3")))
}

// Damage costs the lines it hits, is said, and the file is kept for a person.
func TestDamagedLineIsLeftOut(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal"), vaulttest.New(t)
	j := open(t, dir, keys)
	require.NoError(t, j.Append(facts()...))
	require.NoError(t, j.Close())
	path := files(t, dir)[0]
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[bytes.IndexByte(content, '\n')+30] ^= 4
	require.NoError(t, os.WriteFile(path, content, 0o600))
	j = open(t, dir, keys)
	got, err := j.Inherit()
	require.ErrorIs(t, err, journal.ErrDamaged)
	require.Equal(t, []telephony.Kept{facts()[0], facts()[2]}, got)
	require.NoError(t, j.Clear())
	require.Equal(t, []string{path + ".damaged"}, files(t, dir))
}

// What can not be written is said, and what comes after it is whole.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "journal"), vaulttest.New(t)
	j := open(t, dir, keys)
	require.NoError(t, os.RemoveAll(dir))
	require.Error(t, j.Append(facts()[0]))
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, j.Append(facts()[1]))
	require.NoError(t, j.Close())
	got, err := open(t, dir, keys).Inherit()
	require.NoError(t, err)
	require.Equal(t, facts()[1:2], got)
}

// Any truncation or bit flip gives facts that were written, or fewer, never another one.
func FuzzJournalReader(f *testing.F) {
	keys := vaulttest.New(f)
	whole := facts()
	dir := filepath.Join(f.TempDir(), "journal")
	j := open(f, dir, keys)
	require.NoError(f, j.Append(whole...))
	require.NoError(f, j.Close())
	content, err := os.ReadFile(files(f, dir)[0])
	require.NoError(f, err)
	for _, cut := range []int{0, 1, 40, len(content) - 1} {
		f.Add(cut, 0, byte(0))
		f.Add(len(content), cut, byte(1))
		f.Add(len(content), cut, byte(0x20))
	}
	f.Fuzz(func(t *testing.T, length, flip int, mask byte) {
		bad := bytes.Clone(content[:max(0, min(length, len(content)))])
		if flip >= 0 && flip < len(bad) {
			bad[flip] ^= mask
		}
		dir := filepath.Join(t.TempDir(), "journal")
		j := open(t, dir, keys)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0.journal"), bad, 0o600))
		got, _ := j.Inherit()
		next := 0
		for _, fact := range got {
			for next < len(whole) && !equal(whole[next], fact) {
				next++
			}
			require.Less(t, next, len(whole), "%+v was never written", fact)
			next++
		}
	})
}

func equal(a, b telephony.Kept) bool {
	switch {
	case a.Arrival != nil && b.Arrival != nil:
		return *a.Arrival == *b.Arrival
	case a.Left != nil && b.Left != nil:
		return *a.Left == *b.Left
	}
	return false
}
