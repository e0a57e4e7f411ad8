package journal

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"hotline/telephony"
)

// Net reads what the dialplan's net has written of the calls that it kept. The exchange opens its file anew for each line, so
// the file is taken away by its name and read then; a line that was on its way is found at the next look. A taken file is
// deleted when every call in it is settled and it has not grown since the look before.
type Net struct {
	dir string

	mu    sync.Mutex // guards files
	files []netFile  // as the last look found them
}

type netFile struct {
	path  string
	size  int
	still bool // as long as at the look before
	whole bool // every line could be read
	legs  []telephony.LegID
}

// NetFile is the file that the exchange writes to. Its lines have the name of the event, when it was in seconds since 1970, the
// channel, the number that was dialled and, in the first event of a call, {"extra": "<the citizen's number>"}.
const NetFile = "net.csv"

// The events of the net, and how many fields each has.
const (
	netEntered = "NET_ENTERED"
	netLeft    = "NET_LEFT"
	netFields  = 5
)

// OpenNet reads a folder, which need not exist yet.
func OpenNet(dir string) *Net { return &Net{dir: dir} }

// Calls reads all that is there, the first to come first. ErrDamaged comes with what could be read.
func (n *Net) Calls() ([]telephony.NetCall, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	paths, err := n.takeAway()
	if err != nil {
		return nil, err
	}
	var files []netFile
	var errs []error
	found := make(map[telephony.LegID]telephony.NetCall)
	for _, path := range paths {
		f, err := readNet(path, found)
		f.still = slices.ContainsFunc(n.files, func(was netFile) bool { return was.path == f.path && was.size == f.size })
		files, errs = append(files, f), append(errs, err)
	}
	n.files = files
	var calls []telephony.NetCall
	for _, c := range found {
		if !c.Began.IsZero() { // else its beginning was settled and deleted
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b telephony.NetCall) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Channel, b.Channel))
	})
	return calls, errors.Join(errs...)
}

// Forget deletes the files of the last look whose calls are all settled: stored, every one of them. A damaged one is kept
// beside, for a person to look at. Open are the calls of the last look that are not settled. True: there is more to delete at the
// next look.
func (n *Net) Forget(open []telephony.LegID) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	more := false
	for _, f := range n.files {
		switch {
		case slices.ContainsFunc(f.legs, func(leg telephony.LegID) bool { return slices.Contains(open, leg) }):
		case !f.still:
			more = true
		case f.whole:
			errs = append(errs, os.Remove(f.path))
		default:
			errs = append(errs, os.Rename(f.path, filepath.Join(n.dir, damaged+"-"+filepath.Base(f.path))))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return more, fmt.Errorf("delete what the net has written: %w", err)
	}
	return more, nil
}

// takeAway gives the exchange's file a name of its own, and lists those that have one. Nobody else can hit on that name, another
// controller that still does this included: nothing is ever written over.
func (n *Net) takeAway() ([]string, error) {
	paths, err := list(n.dir, func(name string) bool { return strings.HasPrefix(name, NetFile+".") })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for what the net has written: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("name what the net has written: %w", err)
	}
	fresh := filepath.Join(n.dir, NetFile)
	taken := fresh + "." + id.String()
	switch err := os.Rename(fresh, taken); {
	case err == nil:
		paths = append(paths, taken)
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("take what the net has written: %w", err)
	}
	return paths, nil
}

func readNet(path string, into map[telephony.LegID]telephony.NetCall) (netFile, error) {
	f := netFile{path: path, whole: true}
	content, err := os.ReadFile(path)
	if err != nil {
		return netFile{path: path}, fmt.Errorf("read what the net has written: %w", err)
	}
	f.size = len(content)
	for line := range bytes.Lines(content) {
		c, err := netLine(line)
		if err != nil {
			f.whole = false
			continue
		}
		f.legs = append(f.legs, c.Channel)
		into[c.Channel] = merge(into[c.Channel], c)
	}
	if !f.whole {
		return f, fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	return f, nil
}

func netLine(line []byte) (telephony.NetCall, error) {
	fields, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil || len(fields) != netFields || !bytes.HasSuffix(line, []byte("\n")) {
		return telephony.NetCall{}, ErrDamaged
	}
	seconds, err := strconv.ParseFloat(fields[1], 64)
	if err != nil || fields[2] == "" || !(seconds > 0 && seconds <= math.MaxUint32) { // what is no number is not greater
		return telephony.NetCall{}, ErrDamaged
	}
	at := time.UnixMicro(int64(seconds * 1e6)).UTC()
	c := telephony.NetCall{Channel: telephony.LegID(fields[2])}
	switch fields[0] {
	case netEntered:
		var said struct{ Extra string }
		if err := json.Unmarshal([]byte(fields[4]), &said); fields[4] != "" && err != nil {
			return telephony.NetCall{}, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		c.Began, c.Dialled, c.Number = at, fields[3], telephony.PhoneNumber(said.Extra)
	case netLeft:
		c.Ended = at
	default:
		return telephony.NetCall{}, ErrDamaged
	}
	return c, nil
}

// merge puts together what two lines say of a call.
func merge(a, b telephony.NetCall) telephony.NetCall {
	if !a.Began.IsZero() {
		b.Began, b.Dialled, b.Number = a.Began, a.Dialled, a.Number
	}
	if !a.Ended.IsZero() {
		b.Ended = a.Ended
	}
	return b
}
