package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/journal"
)

func write(t *testing.T, dir, lines string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, journal.NetFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(lines)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// forget says whether there is more to delete.
func forget(t *testing.T, n *journal.Net, open ...telephony.LegID) bool {
	t.Helper()
	more, err := n.Forget(open)
	require.NoError(t, err)
	return more
}

func calls(t *testing.T, n *journal.Net) []telephony.NetCall {
	t.Helper()
	got, err := n.Calls()
	require.NoError(t, err)
	return got
}

// R1: the net's lines become calls, whichever files they stand in; a file goes when all in it is settled and it lies still.
func TestCallsOfTheNet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := journal.OpenNet(dir)
	require.Empty(t, calls(t, n), "no controller was ever away")
	write(t, dir, `"NET_ENTERED","1764147600.500000","1764.2","12345","{""extra"":""13812345679""}"`+"\n"+
		`"NET_ENTERED","1764147600.250000","1764.1","12345",""`+"\n"+`"NET_LEFT","1764147610.000000","1764.1","h",""`+"\n")
	first := telephony.NetCall{Channel: "1764.1", Dialled: "12345", Began: time.UnixMilli(1764147600250).UTC(), Ended: time.Unix(1764147610, 0).UTC()}
	second := telephony.NetCall{Channel: "1764.2", Dialled: "12345", Number: "13812345679", Began: time.UnixMilli(1764147600500).UTC()}
	require.Equal(t, []telephony.NetCall{first, second}, calls(t, n), "the first to come first")
	require.True(t, forget(t, n))
	require.Len(t, files(t, dir), 1, "a line may be on its way still")
	write(t, dir, `"NET_LEFT","1764147620.000000","1764.2","h",""`+"\n")
	second.Ended = time.Unix(1764147620, 0).UTC()
	require.Equal(t, []telephony.NetCall{first, second}, calls(t, n))
	require.False(t, forget(t, n, "1764.2"))
	require.Len(t, files(t, dir), 2, "a call that is not settled keeps its file")
	require.Equal(t, []telephony.NetCall{first, second}, calls(t, journal.OpenNet(dir)), "whoever reads")
	calls(t, n)
	forget(t, n)
	require.Empty(t, files(t, dir))
	write(t, dir, `"NET_LEFT","1764147630.000000","1764.3","h",""`+"\n")
	require.Empty(t, calls(t, n), "its beginning was settled before")
}

func TestLineOfTheNetThatGrows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := journal.OpenNet(dir)
	write(t, dir, `"NET_ENTERED","1764147600.500000","1764.1","12345",""`+"\n")
	require.Len(t, calls(t, n), 1)
	taken := files(t, dir)[0]
	f, err := os.OpenFile(taken, os.O_APPEND|os.O_WRONLY, 0o600) // opened before it was taken away
	require.NoError(t, err)
	_, err = f.WriteString(`"NET_ENTERED","1764147601.500000","1764.2","12345",""` + "\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	forget(t, n)
	require.Len(t, calls(t, n), 2)
	forget(t, n)
	require.Len(t, files(t, dir), 1, "it has grown")
	require.Len(t, calls(t, n), 2)
	forget(t, n)
	require.Empty(t, files(t, dir))
}

// Whatever else lies in the folder, nothing is written over.
func TestNetBesideOtherFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "net[1]") // which is no pattern
	require.NoError(t, os.Mkdir(dir, 0o700))
	for i, other := range []string{"", ".000000001", ".000000002", ".1", ".bak"} {
		write(t, dir, fmt.Sprintf(`"NET_ENTERED","1764147600.500000","1764.%d","12345",""`+"\n", i))
		require.NoError(t, os.Rename(filepath.Join(dir, journal.NetFile), filepath.Join(dir, journal.NetFile+other)))
	}
	require.Len(t, calls(t, journal.OpenNet(dir)), 5)
	write(t, dir, `"NET_ENTERED","1764147600.500000","1764.5","12345",""`+"\n")
	require.Len(t, calls(t, journal.OpenNet(dir)), 6)
}

// An end that stands before its beginning, as in a file that was taken away later, is one all the same.
func TestEndOfTheNetComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, `"NET_LEFT","1764147610.000000","1764.1","h",""`+"\n"+`"NET_ENTERED","1764147600.000000","1764.1","12345",""`+"\n")
	want := telephony.NetCall{Channel: "1764.1", Dialled: "12345", Began: time.Unix(1764147600, 0).UTC(), Ended: time.Unix(1764147610, 0).UTC()}
	require.Equal(t, []telephony.NetCall{want}, calls(t, journal.OpenNet(dir)))
}

// What is not a line of the net is no call, and hides none.
func TestLinesThatAreNotOfTheNet(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"other event":    `"ANSWER","1764147600.500000","1764.1","12345",""` + "\n",
		"no channel":     `"NET_ENTERED","1764147600.500000","","12345",""` + "\n",
		"field too many": `"NET_ENTERED","1764147600.500000","1764.1","12345","",""` + "\n",
		"no time":        `"NET_ENTERED","","1764.1","12345",""` + "\n",
		"time not one":   `"NET_ENTERED","NaN","1764.1","12345",""` + "\n",
		"time before":    `"NET_ENTERED","-1","1764.1","12345",""` + "\n",
		"time far away":  `"NET_ENTERED","1e300","1764.1","12345",""` + "\n",
		"two lines":      "\"NET_ENTERED\",\"1764147600.500000\",\"1764.1\",\"12\n345\",\"\"\n",
		"torn":           `"NET_ENTERED","1764147600.500000","1764.1","12345",""`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, `"NET_ENTERED","1764147600.500000","1764.2","12345",""`+"\n"+bad)
			got, err := journal.OpenNet(dir).Calls()
			require.ErrorIs(t, err, journal.ErrDamaged)
			require.Len(t, got, 1)
			require.Equal(t, telephony.LegID("1764.2"), got[0].Channel)
		})
	}
}

// A folder that is none is said: nobody waits for calls that can not be read.
func TestNetThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := journal.OpenNet(file).Calls()
	require.Error(t, err)
}

func TestDamagedLineOfTheNet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := journal.OpenNet(dir)
	write(t, dir, "what is this\n"+`"NET_ENTERED","1764147600.500000","1764.1","12345",""`+"\n"+`"NET_ENTERED","1764147600.500000","1764.2","12345","{"`+"\n")
	for range 2 {
		got, err := n.Calls()
		require.ErrorIs(t, err, journal.ErrDamaged)
		require.Len(t, got, 1)
		forget(t, n)
	}
	require.Empty(t, calls(t, n))
	require.Len(t, files(t, dir), 1, "kept for a person to look at")
}
